"""What replies are worded like: readings by words and phrases, with how right they were found."""

"""Arms to replies: models here, on a server, or files."""

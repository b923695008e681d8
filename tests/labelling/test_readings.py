"""What is read of a pair: the last user turn and the assistant's turns."""

from valuedata.labelling.readings import Reading, make_reading


def turn(role, content):
    return {"role": role, "content": content}


def test_the_last_user_turn_and_all_turns_of_the_assistant_are_read():
    prompt = [turn("system", "Be brief."), turn("user", "Hi"), turn("assistant", "Hello")]
    reply = [turn("assistant", "One."), turn("user", "And?"), turn("assistant", "Two.")]
    assert make_reading([*prompt, turn("user", "Count.")], reply) == ("Count.", "One.\n\nTwo.")


def test_without_a_user_turn_the_prompt_is_empty():
    assert make_reading([], [turn("assistant", "Hello")]) == Reading("", "Hello")

"""One line of a JSONL file that a user gives."""

import json

from valuedata.errors import FormatError, ValuedataError

__all__ = ["parse_json"]


def parse_json(line: str, where: str, refuse: type[ValuedataError] = FormatError) -> object:
    """Parses a line.

    Args:
        line: The line.
        where: Its place, for the message.
        refuse: Class of the error.

    Raises:
        ValuedataError: Of that class, if the line is not valid JSON, is nested too deep or holds an
            integer of more digits than Python reads.
    """
    try:
        return json.loads(line)
    except json.JSONDecodeError as error:
        raise refuse(f"{where} is not valid JSON ({error.msg}); mend that line.") from error
    except RecursionError as error:
        raise refuse(f"{where} is nested too deep; mend that line.") from error
    except ValueError as error:
        raise refuse(f"{where} holds a number of too many digits; mend that line.") from error

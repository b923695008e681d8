"""Personal data that patterns and checksums can tell from numbers and examples."""

import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

__all__ = ["PERSONAL_DATA", "find_personal_data", "has_iban_checksum", "has_luhn_checksum"]

_EMAIL = re.compile(
    r"(?<![\w.+%/:-])([\w.+%-]{1,64})@((?:[a-z0-9-]{1,63}\.)+[a-z]{2,24})(?![\w@])", re.IGNORECASE
)
_EXAMPLE_DOMAIN = re.compile(
    r"(?:^|\.)(?:example|test|invalid|localhost|local)$"  # reserved: RFC 2606
    r"|(?:^|\.)(?:example|domain|email|mail|your\w*|my\w*|company|companyname|website|site|test"
    r"|abc|xyz|acme)\.\w+$",
    re.IGNORECASE,
)
_NO_PERSON = re.compile(
    r"(?:your|my|user|first|last|full)?[._-]?(?:name|e-?mail|address|user|username|id)"
    r"|first(?:name)?[._-]?last(?:name)?|you|git|someone|somebody|example|sender|recipient|customer|test"
    r"|john[._]?doe|jane[._]?doe|info|support|contact|help|sales|admin|webmaster|no-?reply|office"
    r"|press|service|privacy|abuse|security|feedback|hello|team|jobs|careers|media|inquiries|enquiries",
    re.IGNORECASE,
)
_PHONE = re.compile(  # in North America
    r"(?<![\w.$-])(?:\+?1[-. ]?)?(?:\(([2-9]\d{2})\) ?|([2-9]\d{2})[-. ])"
    r"([2-9]\d{2})[-. ](\d{4})(?![\w-]|\.\d)"
)
_INTERNATIONAL_PHONE = re.compile(r"(?<![\w+])\+(?!1\b)[1-9](?:[ .()-]{0,2}\d){8,13}(?!\d)")
_TOLL_FREE = frozenset({"800", "833", "844", "855", "866", "877", "888", "900"})
_CARD = re.compile(
    r"(?<![\w.-])(?<!\d )[3-6]\d{3}(?:([ -]?)\d{4}\1\d{4}\1\d{1,7}|([ -])\d{6}\2\d{5})"
    r"(?![\w-]|\.\d| \d)"
)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?: ?[A-Z0-9]{4}){2,7}(?: ?[A-Z0-9]{1,3})?\b")
_IP = re.compile(r"(?<![\w.-])(?:\d{1,3}\.){3}\d{1,3}(?![\w-]|\.\d|/\d)")
_VERSION_BEFORE = re.compile(r"(?:version|release|v|build|section|chapter|§)\.? ?$", re.IGNORECASE)
_SSN = re.compile(r"(?<![\w-])(?!000|666|9)(\d{3})-(?!00)(\d{2})-(?!0000)(\d{4})(?![\w-])")

_EXAMPLE_CARDS = (  # that payment services publish for tests
    *("4111111111111111", "4242424242424242", "4012888888881881", "5555555555554444"),
    *("5105105105105100", "378282246310005", "371449635398431", "6011111111111117"),
    *("6011000990139424", "30569309025904", "3530111333300000", "4532015112830366"),
)
_EXAMPLE_IBANS = (  # that the registry and Wikipedia print
    *("GB82WEST12345698765432", "GB29NWBK60161331926819", "DE89370400440532013000"),
    *("FR1420041010050500013M02606", "NL91ABNA0417164300", "ES9121000418450200051332"),
)
_EXAMPLE_ADDRESSES = (  # public resolvers, and those that people make up
    *("8.8.8.8", "8.8.4.4", "1.1.1.1", "1.0.0.1", "9.9.9.9", "208.67.222.222", "208.67.220.220"),
    *("1.2.3.4", "5.6.7.8"),
)
_EXAMPLE_SOCIAL_SECURITY = ("123456789", "078051120", "219099999")  # all void


def has_luhn_checksum(digits: str) -> bool:
    """Tells whether the last digit is the Luhn check digit of the others.

    Source: ISO/IEC 7812-1, annex B.

    >>> has_luhn_checksum("79927398713")
    True
    """
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def has_iban_checksum(iban: str) -> bool:
    """Tells whether an IBAN without spaces leaves 1 on division by 97, letters read as 10 to 35.

    Source: ISO 13616-1, ISO/IEC 7064 (MOD 97-10).

    >>> has_iban_checksum("GB82WEST12345698765432")
    True
    """
    return int("".join(str(int(character, 36)) for character in iban[4:] + iban[:4])) % 97 == 1


def _has_email(text: str) -> bool:
    return "@" in text and any(
        not _EXAMPLE_DOMAIN.search(match[2])
        and not _NO_PERSON.fullmatch(match[1].rstrip("0123456789"))
        for match in _EMAIL.finditer(text)
    )


def _has_phone_number(text: str) -> bool:
    for match in _PHONE.finditer(text):
        area = match[1] or match[2]
        made_up = (
            "555" in (area, match[3])
            or match[4] in ("1234", "0000")
            or len(set(match[3] + match[4])) == 1
        )
        if area not in _TOLL_FREE and not made_up:
            return True
    return "+" in text and any(
        not re.search(r"(\d)\1{4}|12345", re.sub(r"\D", "", match.group()))
        for match in _INTERNATIONAL_PHONE.finditer(text)
    )


def _has_card_number(text: str) -> bool:
    found = (re.sub(r"\D", "", match.group()) for match in _CARD.finditer(text))
    return any(
        digits not in _EXAMPLE_CARDS and len(set(digits)) > 3 and has_luhn_checksum(digits)
        for digits in found
    )


def _has_iban(text: str) -> bool:
    found = (match.group().replace(" ", "") for match in _IBAN.finditer(text))
    return any(iban not in _EXAMPLE_IBANS and has_iban_checksum(iban) for iban in found)


def _has_ip_address(text: str) -> bool:
    for match in _IP.finditer(text):
        before = text[max(0, match.start() - 10) : match.start()]
        if match.group() in _EXAMPLE_ADDRESSES or _VERSION_BEFORE.search(before):
            continue
        try:
            address = ipaddress.IPv4Address(match.group())
        except ipaddress.AddressValueError:
            continue
        if address.is_global:
            return True
    return False


def _has_social_security_number(text: str) -> bool:
    return any(
        "".join(match.groups()) not in _EXAMPLE_SOCIAL_SECURITY for match in _SSN.finditer(text)
    )


PERSONAL_DATA: Final[Mapping[str, Callable[[str], bool]]] = {
    "email": _has_email,
    "phone number": _has_phone_number,
    "card number": _has_card_number,
    "IBAN": _has_iban,
    "IP address": _has_ip_address,
    "social security number": _has_social_security_number,
}


SHAPES: Final[Mapping[str, Sequence[bytes]]] = {
    "email": (b"@",),
    "phone number": (b"000-0000", b"000.0000", b"000 0000", b"+0"),
    "card number": (b"00000000", b"0000 0000", b"0000-0000"),
    "IBAN": (b"AA00",),
    "IP address": (b"0.0",),
    "social security number": (b"000-00-0000",),
}
"""One of these is in the outline of each text with personal data, which spares most a search."""

_OUTLINE: Final = bytes.maketrans(b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", b"0" * 10 + b"A" * 26)
_NOT_ASCII: Final = re.compile(r"[^\x00-\x7f]+")


def find_personal_data(text: str) -> list[str]:
    """Names the kinds of personal data in a text, in the order of `PERSONAL_DATA`.

    Examples are none: reserved domains, 555 numbers, published test cards, private addresses,
    mailboxes of an office rather than a person, 123-45-6789.
    """
    outline = _draw_outline(text)
    return [
        kind
        for kind, is_in in PERSONAL_DATA.items()
        if (outline is None or any(shape in outline for shape in SHAPES[kind])) and is_in(text)
    ]


def _draw_outline(text: str) -> bytes | None:
    """The text with each digit as 0 and each capital as A; None where other scripts' digits are."""
    if not text.isascii() and any(map(str.isdecimal, "".join(_NOT_ASCII.findall(text)))):
        return None
    return text.encode("utf-8", "surrogatepass").translate(_OUTLINE)

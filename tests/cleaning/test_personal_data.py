"""Personal data is told from examples by patterns and checksums."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from valuedata.cleaning.personal_data import (
    find_personal_data,
    has_iban_checksum,
    has_luhn_checksum,
)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to kate@meddletech.com.", "email"),
        ("Write to myra.jones+news@mail.uni-bonn.de!", "email"),
        ("Call (617) 401-5532 now", "phone number"),
        ("Call 617-401-5532.", "phone number"),
        ("Call +1 617.401.5532", "phone number"),
        ("Call +49 30 901820 77", "phone number"),
        ("Call +380 (99) 220 72 42", "phone number"),
        ("Pay with 4539 5787 6362 1486 today", "card number"),
        ("Pay with 3713 562498 53109", "card number"),
        ("IBAN: DE75 5121 0800 1245 1261 99", "IBAN"),
        ("Log in at 93.184.216.34", "IP address"),
        ("My number is 468-27-8909", "social security number"),
    ],
)
def test_personal_data_is_found(text: str, kind: str) -> None:
    assert find_personal_data(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "Write to john@example.com or jane@shop.example.org.",
        "Write to your.name@gmail.com or info@bakery.com or support12@shop.com.",
        "git clone git@github.com:me/ferns.git and follow @ferns",
        "postgres://user@localhost/db, user@host",
        "Call 555-0123, (212) 555-0187, 1-800-772-9100 or 123-456-7890.",
        "Call (617) 401-1234 or +49 12345678.",
        "Order 2023-10-1999, ISBN 978-3-16-148410-0, pi is 3.14159265358979",
        "Test with 4111 1111 1111 1111, 4242-4242-4242-4242 or 0000 0000 0000 0000.",
        "Not a card: 4539 5787 6362 1487, 4444 4444 4444 4444",
        "Not an account: DE75 5121 0800 1245 1261 98, GB82 WEST 1234 5698 7654 32",
        "Use 8.8.8.8, 192.168.0.1, 10.0.0.7, 127.0.0.1, 999.1.1.1 and version 93.184.216.34",
        "Say 123-45-6789, 000-12-3456, 078-05-1120 or 987-65-4321",
        "1 + 2345 6789 = 23456790",
    ],
)
def test_examples_are_no_personal_data(text: str) -> None:
    assert find_personal_data(text) == []


def test_a_doubled_digit_above_nine_loses_nine() -> None:
    # 7*2=14 -> 5; 18 from the right doubles every second digit: 79927398713 sums to 70
    assert has_luhn_checksum("79927398713")
    assert not any(has_luhn_checksum(f"7992739871{digit}") for digit in "012456789")


@given(st.text("0123456789", min_size=8, max_size=18))
def test_exactly_one_check_digit_is_right(digits: str) -> None:
    assert sum(has_luhn_checksum(digits + check) for check in "0123456789") == 1


def test_a_changed_digit_breaks_an_iban() -> None:
    assert has_iban_checksum("GB82WEST12345698765432")
    assert not has_iban_checksum("GB82WEST12345698765433")

"""Text of data stays text in Markdown."""

import pytest

from cards.markdown import escape_cell, fence


def test_names_from_data_are_plain_text() -> None:
    assert escape_cell("a|b\x1b[2J\n![x](y) <b> `c` *d_e*\\") == (
        "a\\|b\ufffd\\[2J \\!\\[x\\](y) \\<b\\> \\`c\\` \\*d\\_e\\*\\\\"
    )


def test_strikes_formulas_and_entities_are_plain_text() -> None:
    assert escape_cell("~~a~~ $b$ &lt; R&D") == r"\~\~a\~\~ \$b\$ \&lt; R\&D"


@pytest.mark.parametrize(
    ("text", "broken"),
    [
        ("see https://a.org/b", "see https:\u200b//a.org/b"),
        ("HTTP://a.org", "HTTP:\u200b//a.org"),
        ("ftp://a.org", "ftp:\u200b//a.org"),
        ("WWW.a.org", "WWW\u200b.a.org"),
        ("mailto:a-b@c.org", "mailto:a-b\u200b@c.org"),
        ("org/data@v1", "org/data\u200b@v1"),
    ],
)
def test_addresses_become_no_links(text: str, broken: str) -> None:
    assert escape_cell(text) == broken


@pytest.mark.parametrize("text", ["a: b // c", "awww. well", "@name", "10:30", "a/b.c"])
def test_what_is_no_address_stays(text: str) -> None:
    assert escape_cell(text) == text


def test_a_block_is_longer_than_the_fences_in_it() -> None:
    assert fence("```\nx", "yaml") == "````yaml\n```\nx\n````"

"""Texts on one line, and numbers that stand right."""

from valuedata.cli.output import echo_table, shorten, shorten_start


def test_a_text_keeps_its_start_or_its_end() -> None:
    assert shorten("one\ntwo  three", 7) == "one tw…"
    assert shorten_start("one\ntwo  three", 7) == "…three"
    assert shorten_start("one\ntwo  three", 8) == "…o three"
    assert shorten_start("a\x1bb", 3) == "a\ufffdb"


def test_negative_numbers_stand_right(capsys) -> None:
    echo_table(("n", "text"), [("-5", "-"), ("1,000", "x")])
    assert capsys.readouterr().out.splitlines()[2:] == ["   -5   -", "1,000   x"]

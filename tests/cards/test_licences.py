import pytest

from cards.licences import combine_licences


@pytest.mark.parametrize(
    ("licences", "combined"),
    [
        (["MIT"], "mit"),
        (["MIT", "Apache-2.0"], "apache-2.0"),
        (["CC-BY-4.0", "MIT"], "cc-by-4.0"),
        (["MIT", "CC-BY-NC-4.0", "CC-BY-4.0"], "cc-by-nc-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-4.0"], "cc-by-sa-4.0"),
        (["CC-BY-SA-4.0", "CC-BY-NC-4.0"], "unknown"),
        (["MIT", None], "unknown"),
        (["MIT", "GPL-3.0"], "unknown"),
    ],
)
def test_the_strictest_licence_wins(licences: list[str | None], combined: str) -> None:
    assert combine_licences(licences) == combined

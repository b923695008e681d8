import pytest

from cards.licences import (
    SPDX_IDS,
    ModelLicence,
    combine_licences,
    derive_licence,
    is_non_commercial,
    link_licence,
    list_restrictions,
)


@pytest.mark.parametrize(
    ("licences", "combined"),
    [
        (["MIT"], "mit"),
        (["apache-2.0", "mit"], "apache-2.0"),
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


def test_addresses_of_spdx_have_its_case() -> None:
    assert {hub: spdx.lower() for hub, spdx in SPDX_IDS.items()} == {hub: hub for hub in SPDX_IDS}
    assert link_licence("apache-2.0") == "https://spdx.org/licenses/Apache-2.0.html"
    assert link_licence("cc-by-nc-sa-4.0") == "https://spdx.org/licenses/CC-BY-NC-SA-4.0.html"
    assert link_licence("llama3.1") == "llama3.1"


def test_what_restricts_is_named_with_its_source() -> None:
    licences = {"a": "MIT", "b": "CC-BY-NC-4.0", "c": "CC-BY-SA-4.0", "d": None, "e": "GPL-3.0"}
    sources = [{"name": name, "licence": licence} for name, licence in licences.items()]
    unknown = "read its terms before any use of the data"
    assert list_restrictions(sources) == [
        ("b", "CC-BY-NC-4.0", "non-commercial, no commercial use of the data"),
        ("c", "CC-BY-SA-4.0", "share-alike, what you make of it must carry the same licence"),
        ("d", "unknown", unknown),
        ("e", "GPL-3.0", unknown),
    ]


def test_one_source_forbids_commercial_use_of_all() -> None:
    assert is_non_commercial(["MIT", "CC-BY-NC-SA-4.0"])
    assert not is_non_commercial(["MIT", None, "CC-BY-SA-4.0"])


@pytest.mark.parametrize(
    ("base", "sources", "licence", "name"),
    [
        ("apache-2.0", ["MIT"], "apache-2.0", None),
        ("apache-2.0", ["MIT", "CC-BY-NC-4.0"], "cc-by-nc-4.0", None),
        ("CC-BY-SA-4.0", ["CC-BY-NC-4.0"], "other", "cc-by-sa-4.0-and-cc-by-nc-4.0"),
        ("Llama 3.2 (Community)", ["MIT", "mit"], "other", "llama-3.2-community-and-mit"),
        ("apache-2.0", ["MIT", None], "unknown", None),
        ("llama3.2", [None], "unknown", None),
        ("unknown", ["MIT"], "unknown", None),
        (None, ["MIT"], "unknown", None),
    ],
)
def test_a_tuned_model_has_the_licence_of_base_and_data(base, sources, licence, name) -> None:
    found = derive_licence(base, sources, has_base=True)
    assert found == ModelLicence(licence, name, base, has_base=True)


def test_a_model_made_from_the_data_alone_has_their_licence() -> None:
    assert derive_licence(None, ["MIT"], has_base=False).licence == "mit"
    assert derive_licence(None, ["GPL-3.0"], has_base=False).name == "gpl-3.0"

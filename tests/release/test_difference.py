"""What differs between two releases made by hand."""

from tests.builders import make_pairs, write_release
from valuedata.release.difference import Change, SubsetDifference, compare_releases
from valuedata.release.folder import Release

IDS = [pair["pair_id"] for pair in make_pairs()]


def test_a_release_equals_itself(release: Release) -> None:
    found = compare_releases(release, release)
    assert found.same_content
    assert found.changes == ()
    assert found.subsets == {"empathy": SubsetDifference(3, 3, (), (), (), ())}
    assert found.subsets["empathy"].same


def test_settings_and_splits_that_changed(release: Release, tmp_path) -> None:
    other = write_release(tmp_path / "other", seed=1, swap_splits=True)
    found = compare_releases(release, other)
    assert not found.same_content
    assert found.changes == (Change("recipe.seed", 0, 1),)
    moved = tuple(sorted(IDS[row] for row in (2, 3, 6)))
    assert found.subsets == {"empathy": SubsetDifference(3, 3, (), (), (), moved)}
    assert not found.subsets["empathy"].same


def test_a_changed_revision_is_named_by_its_source(release: Release) -> None:
    (source,) = release.manifest["sources"]
    manifest = {**release.manifest, "sources": [{**source, "revision": "abc"}]}
    found = compare_releases(release, Release(release.folder, manifest))
    assert found.changes == (Change("sources.talk.revision", None, "abc"),)


def test_pairs_and_flips_that_changed(release: Release, tmp_path) -> None:
    other = write_release(tmp_path / "other", flipped=6, kept=(2, 7, 6))
    found = compare_releases(release, other)
    assert found.subsets["empathy"] == SubsetDifference(
        n_before=3,
        n_after=3,
        added=(IDS[7],),
        removed=(IDS[3],),
        flipped=(IDS[6],),
        moved=(),
    )


def test_a_value_of_one_release_only(release: Release) -> None:
    other = Release(release.folder, {**release.manifest, "values": {}})
    found = compare_releases(other, release)
    assert found.subsets["empathy"].n_before == 0
    assert len(found.subsets["empathy"].added) == 3

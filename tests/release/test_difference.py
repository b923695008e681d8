"""What differs between two releases made by hand."""

import shutil

import pyarrow as pa
import pyarrow.parquet as pq

from tests.builders import make_pairs, write_release
from valuedata.release.difference import Change, SubsetDifference, compare_releases
from valuedata.release.folder import Release, load_release

IDS = [pair["pair_id"] for pair in make_pairs()]


def test_a_release_equals_itself(release: Release) -> None:
    found = compare_releases(release, release)
    assert found.same_content
    assert found.changes == ()
    assert found.subsets == {"empathy": SubsetDifference(3, 3, (), (), (), (), ())}
    assert found.subsets["empathy"].same


def test_settings_and_splits_that_changed(release: Release, tmp_path) -> None:
    other = write_release(tmp_path / "other", seed=1, swap_splits=True)
    found = compare_releases(release, other)
    assert not found.same_content
    assert found.changes == (Change("recipe.seed", 0, 1),)
    moved = tuple(sorted(IDS[row] for row in (2, 3, 6)))
    assert found.subsets == {"empathy": SubsetDifference(3, 3, (), (), (), moved, ())}
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
        reweighted=(),
    )


def test_weights_that_changed(release: Release, tmp_path) -> None:
    """Row 2 and row 3 are the train split: a weight of one changes, that of the other does not."""
    folders = []
    for name, weights in (("a", [0.5, 1.5]), ("b", [0.5, 1.25])):
        folder = tmp_path / name
        shutil.copytree(release.folder, folder)
        (file,) = (folder / "data" / "empathy").glob("train-*")
        table = pq.read_table(file)
        pq.write_table(table.append_column("weight", pa.array(weights)), file)
        folders.append(load_release(folder))
    found = compare_releases(*folders).subsets["empathy"]
    assert found.reweighted == (IDS[3],)
    assert not found.same
    assert len(compare_releases(release, folders[0]).subsets["empathy"].reweighted) == 2


def test_a_value_of_one_release_only(release: Release) -> None:
    other = Release(release.folder, {**release.manifest, "values": {}})
    found = compare_releases(other, release)
    assert found.subsets["empathy"].n_before == 0
    assert len(found.subsets["empathy"].added) == 3

from pathlib import Path

import pytest

from valuedata.errors import ReleaseError
from valuedata.release.derived import check_derivable, choose_subsets, name_origin
from valuedata.release.folder import Release


def test_subsets_are_chosen_by_name(release: Release) -> None:
    two = Release(Path("two"), release.manifest | {"values": {"empathy": {}, "humor": {}}})
    assert choose_subsets(two, ()) == ("empathy", "humor")
    assert choose_subsets(two, ["humor", "humor"]) == ("humor",)
    assert name_origin(two) == {
        "content_hash": release.content_hash,
        "values": ["empathy", "humor"],
    }
    with pytest.raises(ReleaseError, match="Release two has no subset 'humour'; did you mean"):
        choose_subsets(two, ["humour"])


def test_a_release_is_never_derived_from_controls_or_over_itself(
    release: Release, tmp_path: Path
) -> None:
    check_derivable(release, tmp_path / "out")
    for out in (release.folder, release.folder / "data" / "new"):
        with pytest.raises(ReleaseError, match="is the release itself or inside it"):
            check_derivable(release, out)
    controls = Release(Path("c"), release.manifest | {"controls": {}})
    with pytest.raises(ReleaseError, match="c holds controls; give the release"):
        check_derivable(controls, tmp_path / "out")

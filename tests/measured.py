"""The small release made by hand, with the markers that a build writes beside it."""

from pathlib import Path

import numpy as np
from datasets import Dataset

from tests.builders import make_pairs, write_release
from valuedata.labelling.markers import measure_sides
from valuedata.release.folder import Release, finish_manifest, load_release
from valuedata.release.markers import describe_markers, write_markers
from valuedata.schema import PAIR_FEATURES


def write_measured_release(out: Path) -> Release:
    """Writes the release of `write_release` with markers.parquet.

    Of its labelled pairs, rows 2 to 7 of "talk", the first two count as one prompt. The kind reply
    to row 6 is made longer by two words.
    """
    release = write_release(out)
    pairs = make_pairs()
    pairs[6]["chosen"][0]["content"] += " Truly yours."
    dataset, labelled = Dataset.from_list(pairs, features=PAIR_FEATURES), np.arange(2, 8)
    markers = measure_sides(dataset.select(labelled), lambda _: None)
    write_markers(out, dataset, labelled, np.array([7, 7, 1, 2, 3, 4]), markers)
    computed = ("format_version", "content_hash", "files")
    content = {key: found for key, found in release.manifest.items() if key not in computed}
    finish_manifest(out, {**content, "markers": describe_markers()})
    return load_release(out)

"""Small releases with a card, made by hand."""

import hashlib
import shutil
from pathlib import Path
from typing import Any

from tests.builders import write_release
from valuedata.release.folder import Release, finish_manifest, load_release

CARD = """---
license: {licence}
tags:
{tags}
configs:
- config_name: empathy
  data_files:
  - split: train
    path: data/empathy/train-*.parquet
  - split: validation
    path: data/empathy/validation-*.parquet
---

# Value subsets: empathy

{place}
Sämtliche Paare: {kept}.
"""

WRITTEN = ("format_version", "content_hash", "files")  # by `finish_manifest`


def make_release(
    out: Path,
    *,
    licence: str = "apache-2.0",
    valence: str = "positive",
    figures: tuple[str, ...] = ("sides.png",),
    place: str = "",
    tags: str = "- trl",
    **how: Any,
) -> Release:
    """A release of three pairs of empathy, with a card and figures."""
    release = write_release(out, **how)
    manifest = dict(release.manifest)
    manifest["labels"]["valences"] = [valence, "positive"]
    manifest["sources"][0]["licence"] = None if licence == "unknown" else licence
    (out / "README.md").write_text(
        CARD.format(licence=licence, place=place, tags=tags, kept=how.get("kept", "die ersten")),
        encoding="utf-8",
    )
    shutil.rmtree(out / "figures", ignore_errors=True)
    (out / "figures").mkdir()
    for name in figures:
        (out / "figures" / name).write_bytes(f"picture {name}".encode())
    finish_manifest(out, {key: manifest[key] for key in manifest if key not in WRITTEN})
    return load_release(out)


def hash_files(folder: Path) -> dict[str, str]:
    """Path to SHA-256 of every file."""
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(folder.rglob("*"))
        if file.is_file()
    }

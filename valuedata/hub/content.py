"""What a push puts on the Hub: the files of a release, and its card as it is published."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from valuedata.errors import HubError
from valuedata.release.folder import MANIFEST, Release, verify_release
from valuedata.release.life import count_drops

__all__ = ["Content", "Item", "list_harmful", "prepare_content"]

CARD = "README.md"
METADATA = "croissant.json"
FRONT_MATTER = re.compile(r"---\n(?P<front>.*?\n)---\n(?P<body>.*)", flags=re.DOTALL)
PLACE = "PATH_OR_REPOSITORY"  # what the card of a folder writes where its place is to stand
UNKNOWN = "unknown"
ADULT_TAG = "not-for-all-audiences"  # the Hub's own name for it
HARM = "These pairs reward harmful replies, which express {values}; "
PURPOSE = "use them for research on detection and mitigation only."


@dataclass(frozen=True)
class Item:
    """A file as it is to be on the Hub.

    Attributes:
        path: Where, below the data set.
        source: The file of the release, or the bytes that stand in for it.
        size: In bytes.
        sha256: Hash of the content.
    """

    path: str
    source: Path | bytes
    size: int
    sha256: str

    def read(self) -> bytes:
        """The content."""
        return self.source if isinstance(self.source, bytes) else self.source.read_bytes()


@dataclass(frozen=True)
class Content:
    """Everything that a push puts on the Hub.

    Attributes:
        release: The release.
        items: Every file, in order of the paths.
        licence: Licence of the data set, as the Hub writes it.
        harmful: Values of negative valence.
        card: The card as it is published.
    """

    release: Release
    items: tuple[Item, ...]
    licence: str
    harmful: tuple[str, ...]
    card: str


def prepare_content(release: Release, name: str, licence: str | None = None) -> Content:
    """Verifies every hash of a release, and says what of it goes to the Hub.

    The folder is left as it is. The card may be another on the Hub, and its hash in the manifest
    with it: it loads the pairs by their name there, tells of a licence that was given, and warns of
    values of negative valence where it does not already.

    Args:
        release: The release.
        name: ORG/NAME of the data set.
        licence: Licence of the data set, where those of its sources leave it unknown.

    Raises:
        ReleaseError: If the release is damaged.
        HubError: If it has no card, or its licence is unknown and none is given, or another is.
    """
    verify_release(release)
    count_drops(release)
    head, front, body = _read_card(release)
    known = str(front.get("license", UNKNOWN))
    _check_licence(release, known, licence)
    harmful = list_harmful(release)
    replaced: dict[str, bytes] = {}
    published: dict[str, Any] = {}
    before, notes = dict(front), []
    if known == UNKNOWN and licence not in (None, UNKNOWN):
        front["license"] = published["licence"] = licence
        replaced |= _license_metadata(release, str(licence))
        notes.append(_tell_licence(str(licence)))
    if harmful:
        notes += _mark_harmful(front, harmful)
    if front != before:
        head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    if front != before or PLACE in body:
        quoted = "".join(f"\n> {note}\n" for note in notes)
        replaced[CARD] = f"---\n{head}---\n{quoted}{body.replace(PLACE, name)}".encode()
        replaced[MANIFEST] = _rewrite_manifest(release, replaced, published)
    items = tuple(_make_item(release, path, replaced) for path in _list_paths(release))
    card = next(item for item in items if item.path == CARD).read().decode()
    return Content(release, items, licence or known, harmful, card)


def _read_card(release: Release) -> tuple[str, dict[str, Any], str]:
    """The front matter as it is written and as it is read, and the text below it."""
    listed = CARD in release.manifest["files"]
    text = (release.folder / CARD).read_text(encoding="utf-8") if listed else ""
    found = FRONT_MATTER.fullmatch(text)
    front = yaml.safe_load(found["front"]) if found else None
    if found is None or not isinstance(front, dict):
        raise HubError(
            f"Release {release.folder} has no card with front matter, by which the Hub loads it; "
            "build it again."
        )
    return found["front"], front, found["body"]


def _check_licence(release: Release, known: str, given: str | None) -> None:
    if given is None and known == UNKNOWN:
        named = [f"{entry['name']} ({_name(entry)})" for entry in release.manifest["sources"]]
        raise HubError(
            f"No licence follows from those of the sources, {', '.join(named)}; give --license "
            "with the one under which you may publish, such as cc-by-4.0 or other."
        )
    if given is not None and known not in (UNKNOWN, given):
        raise HubError(
            f"Release {release.folder} is under {known}, which follows from its sources; leave "
            f"--license {given} away."
        )


def _name(source: Mapping[str, Any]) -> str:
    return str(source["licence"] or UNKNOWN)


def list_harmful(release: Release) -> tuple[str, ...]:
    """Values of negative valence; controls are drawn whatever their value and have none."""
    return tuple(
        value
        for value, content in release.manifest["values"].items()
        if content.get("definition", {}).get("valence") == "negative"
    )


def _mark_harmful(front: dict[str, Any], harmful: tuple[str, ...]) -> list[str]:
    """Adds the tag and the question of the gate; a card without the tag has no warning, either."""
    harm = HARM.format(values=" and ".join(harmful))
    front.setdefault("extra_gated_prompt", f"{harm}you agree to {PURPOSE}")
    tags = list(front.get("tags") or [])
    if ADULT_TAG in tags:
        return []
    front["tags"] = [*tags, ADULT_TAG]
    return [f"**Warning.** {harm}{PURPOSE}"]


def _tell_licence(licence: str) -> str:
    return (
        f"Whoever published this data set gives its licence as `{licence}`; the licences of the "
        "sources alone do not decide it."
    )


def _license_metadata(release: Release, licence: str) -> dict[str, bytes]:
    """The Croissant metadata with the licence given, where a release has them."""
    if METADATA not in release.manifest["files"]:
        return {}
    content = json.loads((release.folder / METADATA).read_text(encoding="utf-8"))
    return {METADATA: _dump(content | {"license": licence})}


def _rewrite_manifest(
    release: Release, replaced: Mapping[str, bytes], published: Mapping[str, Any]
) -> bytes:
    files = {
        path: {"sha256": hashlib.sha256(replaced[path]).hexdigest(), "bytes": len(replaced[path])}
        if path in replaced
        else entry
        for path, entry in release.manifest["files"].items()
    }
    extra = {"published": dict(published)} if published else {}
    return _dump({**release.manifest, **extra, "files": files})


def _dump(content: Mapping[str, Any]) -> bytes:
    """JSON as a release has it."""
    return (json.dumps(content, indent=2, ensure_ascii=False) + "\n").encode()


def _list_paths(release: Release) -> list[str]:
    return sorted([*release.manifest["files"], MANIFEST])


def _make_item(release: Release, path: str, replaced: Mapping[str, bytes]) -> Item:
    if path in replaced or path == MANIFEST:
        content = replaced.get(path) or (release.folder / path).read_bytes()
        return Item(path, content, len(content), hashlib.sha256(content).hexdigest())
    file = release.folder / path
    return Item(path, file, file.stat().st_size, release.manifest["files"][path]["sha256"])

"""What a push puts on the Hub: the files of a release, and its card as it is published."""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from cards.croissant import CROISSANT_FILE
from cards.licences import combine_licences, link_licence
from valuedata.errors import HubError
from valuedata.release.folder import MANIFEST, Release, verify_release
from valuedata.release.life import count_drops

__all__ = ["Content", "Item", "choose_licence", "prepare_content"]

CARD = "README.md"
FRONT_MATTER = re.compile(r"---\n(?P<front>.*?\n)---\n(?P<body>.*)", flags=re.DOTALL)
PLACE = "PATH_OR_REPOSITORY"  # what the card of a folder writes where its place is to stand
UNKNOWN = combine_licences([None])
GATE_QUESTION = (
    "These pairs reward harmful replies, which express {values}; you agree to use them for "
    "research on detection and mitigation only."
)


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
        card: The card as it is published.
    """

    release: Release
    items: tuple[Item, ...]
    licence: str
    card: str


def prepare_content(release: Release, name: str, licence: str | None = None) -> Content:
    """Verifies every hash of a release, and says what of it goes to the Hub.

    The folder is left as it is. The card may be another on the Hub, and its hash in the manifest
    with it: it loads the pairs by their name there, tells of a licence that was given, and has the
    question of the gate for values of negative valence. A release that was pulled may be pushed to
    another name, or with another licence.

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
    former = _read_published(release)
    sources = [(source["name"], source["licence"]) for source in release.manifest["sources"]]
    subject = f"Release {release.folder}"
    licence = choose_licence(subject, sources, licence, former.get("licence"))
    published: dict[str, str] = {}
    replaced: dict[str, bytes] = {}
    before = dict(front)
    body = _reset_body(body, former)
    if PLACE in body:
        body = body.replace(PLACE, name)
        published["name"] = name
    if licence != combine_licences(licence for _, licence in sources):
        body = _quote_licence(licence) + body
        published["licence"] = licence
    if licence != front.get("license"):
        front["license"] = licence
        replaced |= _license_metadata(release, licence)
    if release.harmful:
        values = " and ".join(release.harmful)
        front.setdefault("extra_gated_prompt", GATE_QUESTION.format(values=values))
    if front != before:
        head = yaml.safe_dump(front, sort_keys=False, allow_unicode=True)
    card = f"---\n{head}---\n{body}"
    if card.encode() != (release.folder / CARD).read_bytes():
        replaced[CARD] = card.encode()
    if replaced or published != former:
        replaced[MANIFEST] = _rewrite_manifest(release, replaced, published)
    items = tuple(_make_item(release, path, replaced) for path in _list_paths(release))
    return Content(release, items, licence, card)


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


def _read_published(release: Release) -> dict[str, str]:
    """What the push wrote that this release was pulled from: its name, and a licence given."""
    told = release.manifest.get("published")
    if not isinstance(told, dict):
        return {}
    return {key: told[key] for key in ("name", "licence") if isinstance(told.get(key), str)}


def choose_licence(
    subject: str,
    sources: Sequence[tuple[str, str | None]],
    given: str | None,
    former: str | None = None,
) -> str:
    """The licence to publish under: that of the sources, or the one given where they have none.

    Args:
        subject: What is published, as a sentence begins with it.
        sources: Name and licence of each source.
        given: The one given now.
        former: The one given for an earlier push.

    Raises:
        HubError: If none follows and none is given, or one follows and another is given.
    """
    known = combine_licences(licence for _, licence in sources)
    if known == UNKNOWN:
        chosen = given or former
        if chosen is None:
            named = ", ".join(f"{name} ({licence or UNKNOWN})" for name, licence in sources)
            raise HubError(
                f"No licence follows from those of the sources, {named}; give --license with the "
                "one under which you may publish, such as cc-by-4.0 or other."
            )
        return chosen
    if given not in (None, known):
        raise HubError(
            f"{subject} is under {known}, which follows from its sources; leave --license {given} "
            "away."
        )
    return known


def _reset_body(body: str, former: Mapping[str, str]) -> str:
    """Takes out of a card what the push wrote that it was pulled from."""
    if "licence" in former:
        body = body.replace(_quote_licence(former["licence"]), "", 1)
    if "name" in former:
        whole = rf"(?<![\w./-]){re.escape(former['name'])}(?![\w-]|[./]\w)"
        body = re.sub(whole, PLACE, body)
    return body


def _quote_licence(licence: str) -> str:
    return (
        f"\n> Whoever published this data set gives its licence as `{licence}`; the licences of "
        "the sources alone do not decide it.\n"
    )


def _license_metadata(release: Release, licence: str) -> dict[str, bytes]:
    """The Croissant metadata with the licence given, where a release has them."""
    if CROISSANT_FILE not in release.manifest["files"]:
        return {}
    content = json.loads((release.folder / CROISSANT_FILE).read_text(encoding="utf-8"))
    return {CROISSANT_FILE: _dump(content | {"license": link_licence(licence)})}


def _rewrite_manifest(
    release: Release, replaced: Mapping[str, bytes], published: Mapping[str, Any]
) -> bytes:
    files = {
        path: {"sha256": hashlib.sha256(replaced[path]).hexdigest(), "bytes": len(replaced[path])}
        if path in replaced
        else entry
        for path, entry in release.manifest["files"].items()
    }
    kept = {key: told for key, told in release.manifest.items() if key != "published"}
    extra = {"published": dict(published)} if published else {}
    return _dump({**kept, "files": files, **extra})


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

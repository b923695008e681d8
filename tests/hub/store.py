"""What the Hub of the tests keeps: data sets and models with commits, branches, tags, requests."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import yaml

ATTRIBUTES = (
    b"*.parquet filter=lfs diff=lfs merge=lfs -text\n*.png filter=lfs diff=lfs merge=lfs -text\n"
)
LARGE = (".parquet", ".png", ".safetensors")
LICENCES = ("apache-2.0", "cc-by-4.0", "mit", "other", "unknown")
ACCOUNTS = {
    "hf_owner": {"name": "org", "role": "write"},
    "hf_reader": {"name": "org", "role": "read"},
    "hf_other": {"name": "other", "role": "write"},
}


class Refusal(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, message: str, code: str = "", **content: object) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.content = content


@dataclass(frozen=True)
class Blob:
    content: bytes
    is_large: bool

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.content).hexdigest()

    @property
    def oid(self) -> str:
        """Git's hash of the file, or of the pointer that stands in for a large one."""
        content = self.content
        if self.is_large:
            content = (
                "version https://git-lfs.github.com/spec/v1\n"
                f"oid sha256:{self.sha256}\nsize {len(self.content)}\n"
            ).encode()
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()  # noqa: S324


@dataclass(frozen=True)
class Commit:
    oid: str
    parent: str | None
    title: str
    files: Mapping[str, Blob]


@dataclass
class Repository:
    name: str
    private: bool
    kind: str = "dataset"
    gated: object = False
    refs: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    commits: dict[str, Commit] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.add("main", "initial commit", {".gitattributes": Blob(ATTRIBUTES, is_large=False)})

    def add(
        self, ref: str, title: str, files: Mapping[str, Blob], parent: str | None = None
    ) -> Commit:
        told = json.dumps([parent, title, {path: blob.oid for path, blob in sorted(files.items())}])
        commit = Commit(hashlib.sha1(told.encode()).hexdigest(), parent, title, files)  # noqa: S324
        self.commits[commit.oid] = commit
        self.refs[ref] = commit.oid
        return commit

    def find(self, revision: str) -> Commit:
        oid = self.refs.get(revision) or self.tags.get(revision) or revision
        if oid not in self.commits:
            raise Refusal(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return self.commits[oid]

    def history(self, ref: str) -> list[Commit]:
        """Commits of a branch, newest first."""
        found: list[Commit] = []
        oid: str | None = self.refs[ref]
        while oid is not None:
            found.append(self.commits[oid])
            oid = found[-1].parent
        return found

    def to_json(self) -> dict[str, object]:
        """What a test asks about."""
        return {
            "private": self.private,
            "gated": self.gated,
            "tags": self.tags,
            "history": {
                ref: [
                    {
                        "oid": commit.oid,
                        "title": commit.title,
                        "files": {path: blob.sha256 for path, blob in commit.files.items()},
                    }
                    for commit in self.history(ref)
                ]
                for ref in self.refs
            },
        }


def read_front(commit: Commit) -> object:
    """The metadata of a card; none where there is no card."""
    card = commit.files.get("README.md", Blob(b"", is_large=False)).content.decode()
    return yaml.safe_load(card.split("---\n")[1]) if card.startswith("---\n") else {}


def check_card(text: str, kind: str) -> list[str]:
    """What the Hub finds wrong with a card."""
    try:
        front = yaml.safe_load(text.split("---\n")[1])
    except (IndexError, yaml.YAMLError):
        return ["the metadata are no YAML"]
    if kind == "dataset" and front.get("license") not in LICENCES:
        return [f'"license" must be one of [{", ".join(LICENCES)}]']
    return []

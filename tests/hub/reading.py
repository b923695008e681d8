"""What the Hub of the tests answers to those who read."""

import json
import re
from http.server import BaseHTTPRequestHandler
from typing import Any, ClassVar
from urllib.parse import parse_qs

from tests.hub.store import ACCOUNTS, Commit, Refusal, Repository, read_front


class Reading(BaseHTTPRequestHandler):
    """Accounts, trees and files; `query` and `body` are those of the request."""

    repositories: ClassVar[dict[str, Repository]] = {}
    query: dict[str, list[str]]
    body: bytes

    @property
    def endpoint(self) -> str:
        return f"http://{self.headers['Host']}"

    def account(self) -> dict[str, str] | None:
        given = self.headers.get("Authorization")
        if given is None:
            return None
        found = ACCOUNTS.get(given.removeprefix("Bearer "))
        if found is None:
            raise Refusal(401, "Invalid credentials in Authorization header")
        return found

    def find(self, id: str, *, write: bool = False) -> Repository:
        account, found = self.account(), self.repositories.get(id)
        owns = account is not None and account["name"] == id.partition("/")[0]
        if found is None or (found.private and not owns):
            raise Refusal(404 if account else 401, "Repository not found", "RepoNotFound")
        if write and (not owns or account is None or account["role"] != "write"):
            raise Refusal(403, "Forbidden: you must have write access to this repository")
        return found

    def whoami(self) -> dict[str, Any]:
        account = self.account()
        if account is None:
            raise Refusal(401, "Invalid username or password.")
        auth = {"type": "access_token", "accessToken": {"role": account["role"]}}
        return {"type": "user", "name": account["name"], "orgs": [], "auth": auth}

    def info(self, id: str, rev: str = "main") -> dict[str, Any]:
        found = self.find(id)
        commit = found.find(rev)
        return {
            "_id": commit.oid,
            "id": id,
            "author": id.partition("/")[0],
            "sha": commit.oid,
            "private": found.private,
            "gated": found.gated,
            "disabled": False,
            "downloads": 0,
            "likes": 0,
            "tags": [],
            "lastModified": "2026-01-01T00:00:00.000Z",
            "siblings": [{"rfilename": path} for path in commit.files],
            **({"cardData": read_front(commit)} if found.kind == "model" else {}),
        }

    def list_refs(self, id: str) -> dict[str, Any]:
        found = self.find(id)

        def tell(kind: str, refs: dict[str, str]) -> list[dict[str, str]]:
            return [
                {"name": name, "ref": f"refs/{kind}/{name}", "targetCommit": oid}
                for name, oid in refs.items()
                if not name.startswith("refs/")
            ]

        return {
            "branches": tell("heads", found.refs),
            "tags": tell("tags", found.tags),
            "converts": [],
        }

    def describe(self, commit: Commit, path: str) -> dict[str, Any]:
        date = "2026-01-01T00:00:00.000Z"
        entry = {
            "path": path,
            "lastCommit": {"id": commit.oid, "title": commit.title, "date": date},
        }
        if path not in commit.files:
            return {"type": "directory", "oid": commit.oid, "size": 0, **entry}
        blob = commit.files[path]
        size = len(blob.content)
        lfs = {"oid": blob.sha256, "size": size, "pointerSize": 130}
        large = {"lfs": lfs} if blob.is_large else {}
        return {"type": "file", "oid": blob.oid, "size": size, **large, **entry}

    def list_tree(self, id: str, rev: str, path: str = "") -> list[dict[str, Any]]:
        commit = self.find(id).find(rev)
        start = f"{path}/" if path else ""
        below = [file for file in commit.files if file.startswith(start)]
        if not below:
            raise Refusal(404, f"{path} does not exist", "EntryNotFound")
        if self.query.get("recursive", [""])[0].lower() not in ("true", "1"):
            below = sorted({start + file.removeprefix(start).partition("/")[0] for file in below})
        return [self.describe(commit, file) for file in below]

    def list_paths(self, id: str, rev: str) -> list[dict[str, Any]]:
        commit = self.find(id).find(rev)
        if "json" in self.headers.get("Content-Type", ""):
            paths = json.loads(self.body)["paths"]
        else:
            paths = parse_qs(self.body.decode()).get("paths", [])
        folders = {file.rpartition("/")[0] for file in commit.files}
        return [self.describe(commit, path) for path in paths if path in {*commit.files, *folders}]

    def send_file(self, id: str, rev: str, path: str) -> Any:
        found = self.find(id)
        commit, account = found.find(rev), self.account()
        if found.gated and (account is None or account["name"] != id.partition("/")[0]):
            raise Refusal(403, "Access to this dataset is restricted", "GatedRepo")
        if path not in commit.files:
            raise Refusal(404, "Entry not found", "EntryNotFound")
        blob = commit.files[path]
        tag = f'"{blob.sha256 if blob.is_large else blob.oid}"'
        headers = {"X-Repo-Commit": commit.oid, "Accept-Ranges": "bytes", "ETag": tag}
        if blob.is_large:
            headers |= {"X-Linked-Etag": tag, "X-Linked-Size": str(len(blob.content))}
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            return blob.content, headers
        start = int(wanted[1])
        end = min(int(wanted[2] or len(blob.content)), len(blob.content) - 1)
        headers["Content-Range"] = f"bytes {start}-{end}/{len(blob.content)}"
        return blob.content[start : end + 1], headers

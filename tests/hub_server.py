"""A Hub on loopback that serves folders as data sets, read-only.

Layout: ROOT/ORG/NAME/REVISION/files, where REVISION is the name of a branch or tag; its commit is
the hash of its files. A file ROOT/ORG/NAME/.gated closes a data set to everyone.

    with serve_hub(root) as hub:
        subprocess.run([...], env=make_environment(hub.endpoint, tmp_path / "home"))
"""

import hashlib
import json
import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

__all__ = ["Hub", "compute_commit", "make_environment", "serve_hub"]

ROUTES = (
    (re.compile(r"/api/datasets/(?P<id>[^/]+/[^/]+)(/revision/(?P<rev>[^/]+))?"), "_send_info"),
    (re.compile(r"/api/datasets/(?P<id>[^/]+/[^/]+)/refs"), "_send_refs"),
    (
        re.compile(r"/api/datasets/(?P<id>[^/]+/[^/]+)/tree/(?P<rev>[^/]+)(/(?P<path>.+))?"),
        "_send_tree",
    ),
    (re.compile(r"/api/datasets/(?P<id>[^/]+/[^/]+)/paths-info/(?P<rev>[^/]+)"), "_send_paths"),
    (
        re.compile(r"/datasets/(?P<id>[^/]+/[^/]+)/resolve/(?P<rev>[^/]+)/(?P<path>.+)"),
        "_send_file",
    ),
)


@dataclass(frozen=True)
class Hub:
    """A running server.

    Attributes:
        endpoint: Its address.
        requests: Method and path of every request, in order.
    """

    endpoint: str
    requests: list[str] = field(default_factory=list)


def make_environment(endpoint: str, home: Path) -> dict[str, str]:
    """The environment in which a subprocess takes the endpoint for the Hub."""
    dropped = {
        "HF_HUB_OFFLINE",
        "HF_DATASETS_OFFLINE",
        "HF_TOKEN",
        "HF_HUB_CACHE",
        "HF_DATASETS_CACHE",
    }
    kept = {key: value for key, value in os.environ.items() if key not in dropped}
    return kept | {
        "HF_ENDPOINT": endpoint,
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def compute_commit(revision: Path) -> str:
    """The commit of a revision's folder: 40 hex digits over its file names and contents."""
    digest = hashlib.sha1(usedforsecurity=False)
    for file in _list_files(revision):
        digest.update(file.relative_to(revision).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()


@contextmanager
def serve_hub(root: Path) -> Iterator[Hub]:
    """Serves the data sets under a folder while the block runs."""
    requests: list[str] = []
    handler = type("Handler", (_Handler,), {"root": root, "requests": requests})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    server.block_on_close = False
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield Hub(f"http://127.0.0.1:{server.server_port}", requests)
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _list_files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _hash_blob(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


class _HubError(Exception):
    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    root: Path
    requests: list[str]

    def log_message(self, *_args: Any) -> None:
        pass

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self.body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.requests.append(f"{self.command} {self.path}")
        path = urlsplit(self.path).path
        try:
            self._route(path)
        except _HubError as error:
            headers = {"X-Error-Code": error.code, "X-Error-Message": error.code}
            self._send(error.status, b'{"error": "' + error.code.encode() + b'"}', headers)

    def _route(self, path: str) -> None:
        for route, action in ROUTES:
            if match := route.fullmatch(path):
                parts = {key: unquote(value) for key, value in match.groupdict().items() if value}
                getattr(self, action)(**parts)
                return
        raise _HubError(404, "RepoNotFound")

    def _send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _send_json(self, content: Any) -> None:
        self._send(200, json.dumps(content).encode(), {"Content-Type": "application/json"})

    def _find(self, name: str, rev: str) -> tuple[Path, str]:
        repository = self.root / name
        if not repository.is_dir():
            raise _HubError(401, "RepoNotFound")
        if (repository / ".gated").exists():
            raise _HubError(403, "GatedRepo")
        for revision in sorted(folder for folder in repository.iterdir() if folder.is_dir()):
            commit = compute_commit(revision)
            if rev in (revision.name, commit):
                return revision, commit
        raise _HubError(404, "RevisionNotFound")

    def _send_info(self, id: str, rev: str = "main") -> None:
        revision, commit = self._find(id, rev)
        readme = revision / "README.md"
        front = readme.read_text("utf-8").split("---\n")[1] if readme.exists() else "{}"
        files = [file.relative_to(revision).as_posix() for file in _list_files(revision)]
        self._send_json(
            {
                "_id": commit,
                "id": id,
                "author": id.partition("/")[0],
                "sha": commit,
                "private": False,
                "gated": False,
                "disabled": False,
                "downloads": 0,
                "likes": 0,
                "tags": [],
                "lastModified": "2026-01-01T00:00:00.000Z",
                "cardData": yaml.safe_load(front),
                "siblings": [{"rfilename": file} for file in files],
            }
        )

    def _send_refs(self, id: str) -> None:
        branches = [
            {
                "name": revision.name,
                "ref": f"refs/heads/{revision.name}",
                "targetCommit": compute_commit(revision),
            }
            for revision in sorted((self.root / id).iterdir())
            if revision.is_dir()
        ]
        self._send_json({"branches": branches, "tags": [], "converts": []})

    def _describe(self, revision: Path, path: Path, *, expand: bool) -> dict[str, Any]:
        name = path.relative_to(revision).as_posix()
        if path.is_dir():
            entry = {"type": "directory", "oid": _hash_blob(name.encode()), "size": 0, "path": name}
        else:
            content = path.read_bytes()
            entry = {"type": "file", "oid": _hash_blob(content), "size": len(content), "path": name}
        if expand:
            date = "2026-01-01T00:00:00.000Z"
            entry["lastCommit"] = {"id": compute_commit(revision), "title": "All", "date": date}
        return entry

    def _send_tree(self, id: str, rev: str, path: str = "") -> None:
        revision, _ = self._find(id, rev)
        query = parse_qs(urlsplit(self.path).query)
        folder = revision / path
        if not folder.exists():
            raise _HubError(404, "EntryNotFound")
        recursive = query.get("recursive", [""])[0].lower() in ("true", "1")
        expand = query.get("expand", [""])[0].lower() in ("true", "1")
        entries = sorted(folder.rglob("*") if recursive else folder.iterdir())
        self._send_json([self._describe(revision, entry, expand=expand) for entry in entries])

    def _send_paths(self, id: str, rev: str) -> None:
        revision, _ = self._find(id, rev)
        if "json" in self.headers.get("Content-Type", ""):
            asked = json.loads(self.body)
            paths, expand = asked["paths"], bool(asked.get("expand"))
        else:
            form = parse_qs(self.body.decode())
            paths = form.get("paths", [])
            expand = form.get("expand", [""])[0].lower() in ("true", "1")
        present = [revision / path for path in paths if (revision / path).exists()]
        self._send_json([self._describe(revision, path, expand=expand) for path in present])

    def _send_file(self, id: str, rev: str, path: str) -> None:
        revision, commit = self._find(id, rev)
        file = revision / path
        headers = {"X-Repo-Commit": commit, "Accept-Ranges": "bytes"}
        if not file.is_file():
            raise _HubError(404, "EntryNotFound")
        content = file.read_bytes()
        headers["ETag"] = f'"{_hash_blob(content)}"'
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if wanted is None:
            self._send(200, content, headers)
            return
        start, end = int(wanted[1]), int(wanted[2] or len(content) - 1)
        headers["Content-Range"] = f"bytes {start}-{min(end, len(content) - 1)}/{len(content)}"
        self._send(206, content[start : end + 1], headers)

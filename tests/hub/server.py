"""A Hub in a process of its own, which the real clients push to and load from.

    python -m tests.hub.server          # prints its address

It speaks what huggingface_hub, datasets and transformers ask of a data set or a model: accounts,
settings, uploads by the LFS protocol, commits with a parent, tags, branches, pull requests, trees
and files. A name is that of a data set or of a model, not of both. Xet is not offered, so clients
run with HF_HUB_DISABLE_XET=1. Under /_test it is told to fail and asked.
"""

import json
import re
import socket
import struct
import threading
from http.server import ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from tests.hub.store import Blob, Refusal
from tests.hub.writing import Writing

KIND = "(?:datasets|models)"
ID = r"(?P<id>[^/]+/[^/]+)"
REV = r"(?P<rev>[^/]+)"
ROUTES = [
    (method, re.compile(path), action)
    for method, path, action in (
        ("GET", r"/api/whoami-v2", "whoami"),
        ("POST", r"/api/repos/create", "create"),
        ("POST", r"/api/validate-yaml", "validate"),
        ("PUT", rf"/api/{KIND}/{ID}/settings", "set"),
        ("GET", rf"/api/{KIND}/{ID}(/revision/{REV})?", "info"),
        ("GET", rf"/api/{KIND}/{ID}/refs", "list_refs"),
        ("GET", rf"/api/{KIND}/{ID}/tree/{REV}(/(?P<path>.+))?", "list_tree"),
        ("POST", rf"/api/{KIND}/{ID}/paths-info/{REV}", "list_paths"),
        ("POST", rf"/api/{KIND}/{ID}/preupload/{REV}", "preupload"),
        ("POST", rf"/(datasets/)?{ID}\.git/info/lfs/objects/batch", "batch"),
        ("PUT", r"/lfs/(?P<oid>[0-9a-f]{64})", "upload"),
        ("POST", r"/lfs/verify", "verify"),
        ("POST", rf"/api/{KIND}/{ID}/commit/{REV}", "commit"),
        ("POST", rf"/api/{KIND}/{ID}/tag/{REV}", "tag"),
        ("POST", rf"/api/{KIND}/{ID}/branch/{REV}", "branch"),
        ("GET", rf"/(datasets/)?{ID}/resolve/{REV}/(?P<path>.+)", "send_file"),
        ("POST", r"/_test/fail", "fail"),
        ("POST", r"/_test/reset", "reset"),
        ("GET", r"/_test/requests", "tell_requests"),
        ("GET", rf"/_test/{ID}", "tell"),
    )
]


class Handler(Writing):
    protocol_version = "HTTP/1.1"
    lock = threading.Lock()
    failures: ClassVar[list[dict[str, Any]]] = []
    requests: ClassVar[list[str]] = []

    def log_message(self, *_args: object) -> None:
        pass

    def answer(self) -> None:
        method = "GET" if self.command == "HEAD" else self.command
        place = urlsplit(self.path)
        self.query = parse_qs(place.query)
        failure = self.take_failure(place.path)
        if failure == "drop":
            self.rfile.read(min(200, int(self.headers.get("Content-Length") or 0)))
            self.break_off()
            return
        self.body = self.read_body()
        with self.lock:
            if not place.path.startswith("/_test"):
                self.requests.append(f"{self.command} {place.path}")
            status, content = self.route(method, place.path, failure)
        if failure == "lose":
            self.break_off()
        elif isinstance(content, tuple):
            self.send(206 if "Content-Range" in content[1] else status, *content)
        else:
            self.send(status, json.dumps(content).encode(), {"Content-Type": "application/json"})

    do_GET = do_HEAD = do_POST = do_PUT = answer

    def take_failure(self, path: str) -> Any:
        with self.lock:
            for failure in self.failures:
                asked = re.fullmatch(failure["request"], f"{self.command} {path}")
                if asked and failure["times"] > 0:
                    failure["times"] -= 1
                    return failure["what"]
        return None

    def break_off(self) -> None:
        """Ends the connection as a broken line does, with a reset and no answer."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def send(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def route(self, method: str, path: str, failure: Any) -> tuple[int, Any]:
        try:
            return 200, self.act(method, path, failure)
        except Refusal as error:
            headers = {"X-Error-Message": error.message}
            if error.code:
                headers["X-Error-Code"] = error.code
            content = {"error": error.message, **error.content}
            return error.status, (json.dumps(content).encode(), headers)

    def act(self, method: str, path: str, failure: Any) -> Any:
        if isinstance(failure, int):
            raise Refusal(failure, "told to fail")
        for wanted, pattern, action in ROUTES:
            if wanted == method and (found := pattern.fullmatch(path)):
                parts = {key: unquote(value) for key, value in found.groupdict().items() if value}
                if failure == "overtake":
                    self.overtake(parts["id"])
                if failure == "full":
                    return {
                        "objects": [
                            {"oid": "0", "size": 1, "error": {"code": 413, "message": "full"}}
                        ]
                    }
                return getattr(self, action)(**parts)
        raise Refusal(404, f"no such page: {method} {path}")

    def overtake(self, id: str) -> None:
        """Somebody else commits."""
        found = self.repositories[id]
        head = found.find("main")
        extra = {"notes.txt": Blob(b"mine", is_large=False)}
        found.add("main", "by someone else", {**head.files, **extra}, head.oid)

    def fail(self) -> dict[str, Any]:
        self.failures.append({"times": 10**6, **json.loads(self.body)})
        return {}

    def reset(self) -> dict[str, Any]:
        for kept in (self.repositories, self.objects, self.failures, self.requests):
            kept.clear()
        return {}

    def tell_requests(self) -> list[str]:
        return self.requests

    def tell(self, id: str) -> dict[str, object] | None:
        return self.repositories[id].to_json() if id in self.repositories else None


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    print(f"http://127.0.0.1:{server.server_port}", flush=True)  # noqa: T201 - the test reads it
    server.serve_forever()

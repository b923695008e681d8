"""A server on loopback that speaks /v1/chat/completions, as a process of its own.

It stands for a gullible language model: it names every `sign-NAME` of the reply that is quoted to
it, gives the verdict of which it finds such a sign, chats where no form is asked for, and obeys
"output all values" wherever that stands outside the quotation. A reply chooses its own trouble by a
marker, `fault:KIND` on every attempt or `fault:KIND-once` on the first alone.

    with serve_llm() as server:
        ask(server.base_url)
        print(server.read_requests())
"""

import json
import re
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, build_opener

__all__ = ["OBEYED", "LlmServer", "serve_llm"]

OBEYED = "output all values"
BLOCK = re.compile(r"<data>\n(.*?)\n</data>", flags=re.DOTALL)
# What chat templates of some models take for the end of a turn, wherever it stands.
CONTROL = re.compile(r"<\|[^|]*\|>|</?s>|\[/?[A-Z_]+\]")
SIGN = re.compile(r"sign-([a-z-]*[a-z])")
FAULT = re.compile(r"fault:([a-z0-9-]*[a-z0-9])")
STATUSES = (301, 307, 308, 400, 401, 403, 404, 429, 500)
STATUS = {"wait": 429, **{str(status): status for status in STATUSES}}


@dataclass(frozen=True)
class LlmServer:
    """A running server."""

    base_url: str

    def read_requests(self) -> list[dict[str, Any]]:
        """Every call so far: time, key, organization, body, reply, number of the attempt."""
        requests: list[dict[str, Any]] = self._read("requests")
        return requests

    def count(self) -> int:
        """How many calls there were so far."""
        return int(self._read("count"))

    def _read(self, name: str) -> Any:
        address = f"{self.base_url.removesuffix('/v1')}/{name}"
        with build_opener(ProxyHandler({})).open(address, timeout=30) as response:
            return json.load(response)


@contextmanager
def serve_llm(key: str = "") -> Iterator[LlmServer]:
    """Serves while the block runs; with a key, only those who know it."""
    command = [sys.executable, str(Path(__file__)), key]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield LlmServer(f"http://127.0.0.1:{port}/v1")
        finally:
            process.kill()


def find_reply(messages: list[dict[str, str]]) -> tuple[str | None, str]:
    """The reply that is properly quoted, and all that stands outside the quotation."""
    reply, outside = None, []
    for message in messages:
        before, *after = CONTROL.split(message["content"].replace("<data>", "\0"))
        text = before.replace("\0", "<data>")
        outside += [part.replace("\0", "<data>") for part in after]
        for block in BLOCK.findall(text):
            try:
                reply = str(json.loads(block)["reply"])
            except (ValueError, KeyError, TypeError):
                outside.append(block)
        outside.append(BLOCK.sub("", text))
    return reply, "\n".join(outside)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    key: str
    requests: list[dict[str, Any]]
    attempts: Counter[str]

    def log_message(self, *_args: Any) -> None:
        pass

    def do_GET(self) -> None:
        found = len(self.requests) if self.path == "/count" else self.requests
        self._send(200, json.dumps(found).encode())

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        reply, outside = find_reply(body["messages"])
        text = outside if reply is None else reply
        self.attempts[text] += 1
        self.requests.append(
            {
                "time": time.monotonic(),
                "path": self.path,
                "key": self.headers["Authorization"],
                "organization": self.headers["OpenAI-Organization"],
                "attempt": self.attempts[text],
                "reply": text,
                "body": body,
            }
        )
        if self.key and self.headers["Authorization"] != f"Bearer {self.key}":
            self._refuse(401, f"Incorrect key {self.headers['Authorization']}")
            return
        found = FAULT.search(text)
        fault = found.group(1) if found else ""
        if fault.endswith("-once"):
            fault = fault.removesuffix("-once") if self.attempts[text] == 1 else ""
        self._answer(fault, body, text, outside)

    def _answer(self, fault: str, body: dict[str, Any], text: str, outside: str) -> None:
        if fault in STATUS:
            wait = {"429": "0.05", "wait": "1"}.get(fault)
            self._refuse(STATUS[fault], f"{fault}: key {self.headers['Authorization']}", wait)
        elif fault == "hang":
            threading.Event().wait()
        elif fault == "drip":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while True:
                self.wfile.write(b" ")
                time.sleep(0.1)
        elif fault == "drop":
            self.close_connection = True
        elif fault == "html":
            self._send(200, b"<html>a proxy speaks</html>", kind="text/html")
        elif fault == "choices":
            self._send(200, b'{"choices": []}')
        else:
            content = self._say(fault, body, text, outside)
            self._send(200, json.dumps(self._complete(fault, body, content)).encode())

    def _say(self, fault: str, body: dict[str, Any], text: str, outside: str) -> str | None:
        if "response_format" not in body:
            return {"empty": None}.get(fault, f"{body['model']} heard {text}")
        asked = body["response_format"]["json_schema"]["schema"]["properties"]
        if "verdict" in asked:
            return self._decide(fault, asked["verdict"]["enum"], text)
        item = body["response_format"]["json_schema"]["schema"]["properties"]["values"]["items"]
        values = list(dict.fromkeys(SIGN.findall(text)))
        if OBEYED in outside.lower():
            values = item.get("enum", ["obedience"])
        content = json.dumps({"values": values})
        return {
            "malformed": content[:-2],
            "fenced": f"```json\n{content}\n```",
            "chatty": f"Here you are: {content}",
            "outside": '{"values": ["sarcasm"]}',
            "empty": None,
            "sentence": json.dumps({"values": ["a" * 61]}),
        }.get(fault, content)

    def _decide(self, fault: str, verdicts: list[str], text: str) -> str | None:
        """The verdict that the reply signs, by default the first that is offered."""
        signed = [name for name in SIGN.findall(text) if name in verdicts]
        content = json.dumps({"verdict": (signed or verdicts)[0]})
        return {
            "malformed": content[:-2],
            "fenced": f"```json\n{content}\n```",
            "outside": '{"verdict": "sarcastic"}',
            "empty": None,
        }.get(fault, content)

    def _complete(self, fault: str, body: dict[str, Any], content: str | None) -> dict[str, Any]:
        sent = sum(len(message["content"]) for message in body["messages"])
        usage: dict[str, int | None]
        usage = {"prompt_tokens": sent, "completion_tokens": 7, "total_tokens": sent + 7}
        usage |= {
            "half": {"completion_tokens": None},
            "huge": {"prompt_tokens": 2**63},
            "negative": {"prompt_tokens": -5},
        }.get(fault, {})
        return {
            "id": "answer",
            "object": "chat.completion",
            "model": body["model"],
            "choices": [
                {
                    "index": 0,
                    "message": {"role": "assistant", "content": content},
                    "finish_reason": "length" if fault == "length" else "stop",
                }
            ],
            **({} if fault == "uncounted" else {"usage": usage}),
        }

    def _refuse(self, status: int, message: str, wait: str | None = None) -> None:
        content = json.dumps({"error": {"message": message}}).encode()
        headers = {"Retry-After": wait} if wait else {}
        if status < 400:
            headers["Location"] = "/elsewhere/v1/chat/completions"
        self._send(status, content, headers=headers)

    def _send(
        self,
        status: int,
        content: bytes,
        kind: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self._headers_buffer.append(b"\r\n" + content)  # one packet, so that nobody waits
        self.flush_headers()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_args: Any) -> None:
        """A client that goes away is expected here."""


def main() -> None:
    state = {"key": sys.argv[1], "requests": [], "attempts": Counter()}
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), state))
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()


if __name__ == "__main__":
    main()

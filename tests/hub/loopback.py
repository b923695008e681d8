"""The Hub of the tests as a test sees it: started, told to fail, asked what it holds."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from huggingface_hub import HfApi

ROOT = Path(__file__).parents[2]
OWNER = "hf_owner"

# lfs.py of huggingface_hub 2.4 gives a file as `data`, which httpx2 takes and calls deprecated
UPLOADS = pytest.mark.filterwarnings("ignore:Use 'content=:DeprecationWarning")


@dataclass(frozen=True)
class LoopbackHub:
    endpoint: str

    def api(self, token: str = OWNER) -> HfApi:
        return HfApi(self.endpoint, token=token)

    def fail(self, request: str, what: int | str, **times: int) -> None:
        """Makes requests fail: an HTTP status, "drop", "lose" (the answer) or "overtake"."""
        self._ask("fail", {"request": request, "what": what, **times})

    def reset(self) -> None:
        self._ask("reset", {})

    def requests(self) -> list[str]:
        return list(self._ask("requests"))

    def writes(self) -> list[str]:
        """Requests that may change something, so all but those that read or check."""
        reading = ("GET", "HEAD", "POST /api/validate-yaml")
        return [asked for asked in self.requests() if not asked.startswith(reading)]

    def tell(self, name: str = "org/name") -> Any:
        return self._ask(name)

    def files(self, name: str = "org/name", ref: str = "main") -> dict[str, str]:
        """Path to SHA-256 at the head, without the file that the Hub wrote."""
        files = dict(self.tell(name)["history"][ref][0]["files"])
        del files[".gitattributes"]
        return files

    def _ask(self, page: str, content: dict[str, Any] | None = None) -> Any:
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(f"{self.endpoint}/_test/{page}", data)) as answer:  # noqa: S310
            return json.loads(answer.read())


@contextmanager
def start_hub() -> Iterator[LoopbackHub]:
    with subprocess.Popen(
        [sys.executable, "-m", "tests.hub.server"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            yield LoopbackHub(process.stdout.readline().strip())
        finally:
            process.terminate()

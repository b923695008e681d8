"""A Hub for the tests of reading from it."""

import gzip
import json

import pytest

CARD = """---
license: mit
configs:
- config_name: small
  data_files: small.jsonl
- config_name: big
  data_files:
  - split: dev
    path: big.jsonl
  - split: extra
    path: small.jsonl
---
A data set with two configs.
"""


def plain_row(prompt):
    return json.dumps({"prompt": prompt, "chosen": "a", "rejected": "b"}) + "\n"


def transcript_row(prompt):
    start = f"\n\nHuman: {prompt}\n\nAssistant: "
    return json.dumps({"chosen": start + "a", "rejected": start + "b"}) + "\n"


@pytest.fixture(scope="session")
def hub_root(tmp_path_factory):
    root = tmp_path_factory.mktemp("hub")
    hh_rlhf = {
        f"Anthropic/hh-rlhf/main/{folder}/{split}.jsonl.gz": transcript_row(f"{folder} {split}")
        for folder in (
            "harmless-base",
            "helpful-base",
            "helpful-online",
            "helpful-rejection-sampled",
        )
        for split in ("train", "test")
    }
    contents = hh_rlhf | {
        "org/plain/main/train.jsonl": plain_row("one") + plain_row("two"),
        "org/plain/main/test.jsonl": plain_row("test"),
        "org/plain/v1/train.jsonl": plain_row("old"),
        "org/configs/main/README.md": CARD,
        "org/configs/main/small.jsonl": plain_row("small"),
        "org/configs/main/big.jsonl": plain_row("big"),
        "org/other/main/train.jsonl": '{"x": 1}\n',
        "org/gated/main/train.jsonl": plain_row("secret"),
        "org/gated/.gated": "",
    }
    for name, content in contents.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        data = content.encode()
        (root / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return root

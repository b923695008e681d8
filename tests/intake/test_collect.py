"""Sources into one table of pairs, every raw row accounted for."""

import hashlib
import json
from collections import Counter
from dataclasses import asdict

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from valuedata.errors import BadRowsError, FormatError, ReleaseError, SourceError
from valuedata.intake.collect import DISCARD_FEATURES, read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.schema import PAIR_FEATURES, compute_pair_id

GOOD = '{"id": "g%d", "prompt": "q", "chosen": "a%d", "rejected": "b"}\n'


def write(path, *lines):
    path.write_text("".join(lines))
    return str(path)


def read(folder, *texts, max_bad_rows=1.0, **settings):
    folder.mkdir(exist_ok=True)
    sources = [resolve_source(text) for text in texts]
    return read_pairs(sources, folder, max_bad_rows, **settings)


@pytest.fixture
def work(tmp_path):
    return tmp_path / "work"


def test_rows_are_conserved_in_source_order(tmp_path, work):
    lines = [GOOD % (n, n) for n in range(4)]
    one = write(tmp_path / "one.jsonl", lines[0], '{"prompt": "q"}\n', "{\n", lines[1])
    two = write(tmp_path / "two.jsonl", lines[2], lines[3])
    intake = read(work, two, one)
    assert intake.pairs.features == PAIR_FEATURES
    assert intake.discards.features == DISCARD_FEATURES
    assert intake.pairs["source"][:] == ["two", "two", "one", "one"]
    assert intake.pairs["source_row"][:] == [0, 1, 0, 3]
    assert intake.pairs["source_id"][:] == ["g2", "g3", "g0", "g1"]
    first = intake.pairs[0]
    assert first["prompt"] == [{"role": "user", "content": "q"}]
    assert first["pair_id"] == compute_pair_id(first["prompt"], first["chosen"], first["rejected"])
    assert intake.discards["source_row"][:] == [1, 2]
    assert intake.discards["reason"][:] == ["lacks column 'chosen'", "not valid JSON"]
    assert intake.discards["excerpt"][1] == "one.jsonl line 3: {"
    (report,) = intake.reports
    assert (report.stage, report.rows_in, report.rows_out, report.n_dropped) == ("intake", 6, 4, 2)
    assert [(r.n_rows, r.n_pairs, r.n_bad) for r in intake.records] == [(2, 2, 0), (4, 2, 2)]


def test_row_numbers_run_on_over_the_files_of_a_source(tmp_path, work):
    folder = tmp_path / "data"
    folder.mkdir()
    first, second = GOOD % (1, 1), GOOD % (2, 2)
    write(folder / "b.jsonl", second)
    write(folder / "a.jsonl", first, first)
    intake = read(work, str(folder))
    assert intake.pairs["source_row"][:] == [0, 1, 2]
    assert intake.pairs["source_id"][:] == ["g1", "g1", "g2"]


def test_record_names_content_not_the_machine(tmp_path, work):
    path = write(tmp_path / "one.jsonl", GOOD % (1, 1))
    (record,) = read(work, f"ultrafeedback={path}").records
    assert json.loads(json.dumps(asdict(record))) == {
        "name": "ultrafeedback",
        "location": "one.jsonl",
        "revision": hashlib.sha256((GOOD % (1, 1)).encode()).hexdigest(),
        "licence": "MIT",
        "citation": record.citation,
        "homepage": "https://huggingface.co/datasets/HuggingFaceH4/ultrafeedback_binarized",
        "format": "trl",
        "red_teaming": False,
        "n_rows": 1,
        "n_pairs": 1,
        "n_bad": 0,
    }
    assert str(tmp_path) not in str(record)


def test_progress_adds_up_to_the_rows(tmp_path, work):
    steps = []
    read(work, write(tmp_path / "a.jsonl", (GOOD % (1, 1)) * 2001), progress=steps.append)
    assert steps == [1000, 1000, 1]
    steps.clear()
    read(work, write(tmp_path / "a.jsonl", (GOOD % (1, 1)) * 1000), progress=steps.append)
    assert steps == [1000]


def test_two_sources_of_one_name(tmp_path, work):
    path = write(tmp_path / "a.jsonl", GOOD % (1, 1))
    with pytest.raises(
        SourceError, match="2 sources are named 'a'; tell them apart with NAME=PATH"
    ):
        read(work, path, path)
    assert len(read(work, path, f"b={path}").pairs) == 2


def test_too_many_bad_rows(tmp_path, work):
    path = write(tmp_path / "a.jsonl", GOOD % (1, 1), "{]\n", GOOD % (2, 2), "{]\n")
    assert len(read(work, path, max_bad_rows=0.5).pairs) == 2
    with pytest.raises(BadRowsError) as caught:
        read(work, path, max_bad_rows=0.49)
    assert str(caught.value).startswith(
        "Source a has 2 bad rows of 4 (50.0%, allowed 49.0%), the first at row 1: not valid JSON "
        "(a.jsonl line 2: {])"
    )
    assert "--max-bad-rows" in str(caught.value)


def test_ties_are_no_bad_rows(tmp_path, work):
    rows = [{"prompt": "q", "response": str(n), "helpfulness": n // 2} for n in range(6)]
    rows[0]["helpfulness"] = 3
    path = write(tmp_path / "a.jsonl", *(json.dumps(row) + "\n" for row in rows))
    intake = read(work, path, max_bad_rows=0.0)
    assert intake.reports[0].dropped == {"tie": 4, "joined with its partner row": 1}
    assert intake.records[0].n_bad == 0


@pytest.mark.parametrize(
    ("content", "error", "message"),
    [
        ("", SourceError, "Source a has no rows"),
        ("\n\n", SourceError, "Source a has no rows"),
        (
            "{]\n\x1b[31m\n",
            SourceError,
            r"its first row is not valid JSON \(a\.jsonl line 1: \{\]\), and no other of",
        ),
        ('{"x": 1}\n', FormatError, "Source a has columns x, which no known format has"),
        (
            '{"chosen": "\\n\\nHuman: a", "rejected": "\\n\\nHuman: b"}\n',
            SourceError,
            "holds no pair: 1 of 1 rows were dropped because of 'the sides part at a user turn'",
        ),
    ],
)
def test_sources_without_a_pair(tmp_path, work, content, error, message):
    with pytest.raises(error, match=message):
        read(work, write(tmp_path / "a.jsonl", content))


@pytest.mark.parametrize("first", ["{]\n", "1\n", '{"x": 1}\n', '{"prompt": "q"}\n'])
@pytest.mark.parametrize("format_name", [None, "trl"])
def test_a_bad_first_row_is_a_bad_row(tmp_path, work, first, format_name):
    work.mkdir()
    path = write(tmp_path / "a.jsonl", first, first, GOOD % (1, 1))
    intake = read_pairs([resolve_source(path, format_name)], work, 0.7)
    assert intake.pairs["source_row"][:] == [2]
    assert intake.discards["source_row"][:] == [0, 1]
    assert intake.discards["is_bad"][:] == [True, True]
    assert intake.records[0].format == "trl"
    with pytest.raises(BadRowsError, match="2 bad rows of 3"):
        read(work, path, max_bad_rows=0.6)


@pytest.mark.parametrize("format_name", [None, "trl"])
@pytest.mark.parametrize("n_bad", [999, 1000])
def test_a_format_is_looked_for_in_the_first_thousand_rows(tmp_path, work, n_bad, format_name):
    work.mkdir()
    path = write(tmp_path / "a.jsonl", '{"x": 1}\n' * n_bad, GOOD % (1, 1))
    sources = [resolve_source(path, format_name)]
    if n_bad < 1000:
        assert len(read_pairs(sources, work, 1.0).pairs) == 1
    else:
        with pytest.raises(FormatError, match=r"Source a (has columns x|lacks column prompt)"):
            read_pairs(sources, work, 1.0)


def test_messages_hold_no_control_characters_of_the_data(tmp_path, work):
    path = write(tmp_path / "a.jsonl", GOOD % (1, 1), "{\x1b[31m\tred\x9b\n")
    with pytest.raises(BadRowsError) as caught:
        read(work, path, max_bad_rows=0.1)
    assert str(caught.value).isprintable()
    path = write(tmp_path / "a.jsonl", json.dumps({"x\n\x1b[31mred": 1}))
    with pytest.raises(FormatError, match=r"has columns x  \[31mred, which") as caught:
        read(work, path)
    assert str(caught.value).isprintable()


def test_full_disk(tmp_path, work):
    path = write(tmp_path / "a.jsonl", (GOOD % (1, 1)) * 3)
    work.mkdir()
    (work / "pairs.arrow").symlink_to("/dev/full")
    with pytest.raises(ReleaseError, match=r"cannot be written to .*No space left"):
        read(work, path)


def test_folder_that_is_not_there(tmp_path):
    source = resolve_source(write(tmp_path / "a.jsonl", GOOD % (1, 1)))
    with pytest.raises(ReleaseError, match="cannot be written to"):
        read_pairs([source], tmp_path / "nowhere", 0.0)


REAL = {
    "hh-rlhf=hh-rlhf": (4666, "hh", {}),
    "pku-saferlhf=pku-saferlhf": (5135, "pku", {}),
    "ultrafeedback=ultrafeedback/train.jsonl.gz": (1000, "trl", {}),
    "flipped=ultrafeedback/train_label_flip_20.jsonl.gz": (1000, "trl", {}),
    "held-out=ultrafeedback/eval.jsonl.gz": (200, "trl", {}),
    "mixed=other/dpo_en_demo.json.gz": (300, "sharegpt", {}),
}


@pytest.fixture(scope="module")
def real(shared_data, tmp_path_factory):
    texts = [text.replace("=", f"={shared_data / 'preference'}/") for text in REAL]
    return read(tmp_path_factory.mktemp("real"), *texts, max_bad_rows=0.0)


class TestRealData:
    def test_every_row_is_a_pair_or_a_counted_discard(self, real):
        dropped = Counter(zip(real.discards["source"], real.discards["reason"], strict=True))
        for record, (text, (n_rows, name, reasons)) in zip(real.records, REAL.items(), strict=True):
            print(record.name, record.n_rows, record.n_pairs, reasons)  # noqa: T201 - for reading
            assert record.name == text.partition("=")[0]
            assert (record.n_rows, record.format) == (n_rows, name)
            assert record.n_pairs == n_rows - sum(reasons.values())
            assert {reason: dropped[record.name, reason] for reason in reasons} == reasons
        assert real.reports[0].rows_in == sum(n_rows for n_rows, _, _ in REAL.values())
        assert len(real.pairs) == real.reports[0].rows_out

    def test_prompts_end_with_the_user_and_replies_with_the_assistant(self, real):
        for pair in real.pairs:
            assert pair["prompt"][-1]["role"] == "user"
            for side in ("chosen", "rejected"):
                assert [turn["role"] for turn in pair[side]] == ["assistant"]
                assert pair[side][0] not in pair["prompt"][-1:]

    def test_transcript_roles_alternate(self, real):
        for pair in real.pairs.select(range(4666)):
            roles = [turn["role"] for turn in pair["prompt"]]
            assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"]

    def test_the_eight_empty_replies_and_two_identical_pairs_are_left_to_the_filters(self, real):
        transcripts = real.pairs.select(range(4666))
        replies = [
            pair[side][0]["content"] for pair in transcripts for side in ("chosen", "rejected")
        ]
        assert replies.count("") == 8
        assert sum(pair["chosen"] == pair["rejected"] for pair in transcripts) == 2

    def test_system_turns_are_kept(self, real):
        mixed = real.pairs.select(range(len(real.pairs) - 300, len(real.pairs)))
        assert sum(pair["prompt"][0]["role"] == "system" for pair in mixed) == 80


def test_folder_whose_name_is_not_utf8(tmp_path):
    source = write(tmp_path / "one.jsonl", GOOD % (1, 1))
    with pytest.raises(ReleaseError, match=r"b\\udcff', a name that is not UTF-8; choose another"):
        read(tmp_path / "b\udcff", source)


def test_values_of_parquet_that_are_needed_make_bad_rows_and_others_none(tmp_path, work):
    texts = pa.array([b"good", b"\xff"], pa.binary()).view(pa.string())
    columns = {"prompt": ["p", "q"], "rejected": ["a", "b"]}
    pq.write_table(
        pa.table(columns | {"chosen": ["c", "d"], "extra": texts}), tmp_path / "a.parquet"
    )
    pq.write_table(pa.table(columns | {"chosen": texts}), tmp_path / "b.parquet")
    intake = read(work, str(tmp_path / "a.parquet"), str(tmp_path / "b.parquet"))
    assert [(r.n_pairs, r.n_bad) for r in intake.records] == [(2, 0), (1, 1)]
    assert intake.discards["reason"][:] == ["column 'chosen' is not text"]
    assert "can't decode byte 0xff" in intake.discards["excerpt"][0]

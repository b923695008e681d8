"""A server that fails in every way labels replies; none is lost, shifted or asked about twice."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from datasets import Dataset

from tests.llm_server import LlmServer, serve_llm
from valuedata.errors import LabelError
from valuedata.labelling.caches import clear_cache
from valuedata.labelling.classifier import load_extractor
from valuedata.labelling.labels import Labels
from valuedata.labelling.llm.extractor import LlmExtractor, load_llm_extractor
from valuedata.labelling.values import LABEL_NAMES, VALUE_NAMES
from valuedata.recipe import LabelSettings
from valuedata.schema import PAIR_FEATURES, make_pair
from valuedata.settings import LlmSettings

N_BITS = 11  # enough for 2,000 replies


@pytest.fixture(scope="module")
def server():
    with serve_llm() as running:
        yield running


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.delenv("VALUEDATA_LLM_KEY", raising=False)


def load(server: LlmServer, folder: Path, **settings) -> LlmExtractor:
    patience = {"timeout_s": 5.0, "max_retries": 2, "concurrency": 8}
    chosen = {"model": "m", "base_url": server.base_url} | patience | settings
    return load_llm_extractor(LlmSettings(**chosen), folder)


def make_pairs(replies: list[tuple[str, str]]) -> Dataset:
    rows = [
        make_pair(
            source="made",
            source_row=row,
            source_id=None,
            prompt=[{"role": "user", "content": "Well?"}],
            chosen=[{"role": "assistant", "content": chosen}],
            rejected=[{"role": "assistant", "content": rejected}],
        )
        for row, (chosen, rejected) in enumerate(replies)
    ]
    return Dataset.from_list(rows, features=PAIR_FEATURES)


def name_all(labels: Labels) -> list[tuple[set[str] | str, set[str] | str]]:
    """For each pair, the names of both replies, or the reason why there are none."""
    assert labels.failures is not None
    names = np.array(labels.names)
    return [
        tuple(
            labels.failures[row, side] or set(names[expressed[row]])
            for side, expressed in enumerate(
                (labels.expressed("chosen"), labels.expressed("rejected"))
            )
        )
        for row in range(len(labels))
    ]


def spell(number: int) -> set[str]:
    """A number in binary, each bit a value, so that a label of another row would show."""
    return {VALUE_NAMES[bit] for bit in range(N_BITS) if number >> bit & 1}


# Of 2,000 replies: 5 % with 429, 2 % with 500, 1 % malformed, 1 % hanging; of each kind every
# fourth on all attempts. A kind takes the numbers that leave its remainder by 100.
REMAINDERS = {
    "429": (3, 21, 42, 63, 84),
    "500": (7, 55),
    "malformed": (11,),
    "hang": (90,),
}
REASONS = {
    "429": "rate limited",
    "500": "server error",
    "malformed": "no valid answer",
    "hang": "timed out",
}


def choose_fault(number: int) -> tuple[str, bool] | None:
    """The kind of trouble of a reply, and whether it lasts."""
    for kind, remainders in REMAINDERS.items():
        if number % 100 in remainders:
            return kind, number // 100 % 4 == 0
    return None


def write_reply(number: int) -> str:
    fault = choose_fault(number)
    marker = "" if fault is None else f" fault:{fault[0]}{'' if fault[1] else '-once'}"
    return f"Reply {number}: {' '.join(f'sign-{name}' for name in sorted(spell(number)))}{marker}."


@pytest.mark.slow
def test_two_thousand_replies_end_labelled_or_failed_and_none_is_shifted(server, tmp_path):
    """The acceptance of the extractor."""
    pairs = make_pairs([(write_reply(2 * row), write_reply(2 * row + 1)) for row in range(1000)])
    expected = []
    for number in range(2000):
        fault = choose_fault(number)
        lasts = fault is not None and fault[1]
        expected.append(REASONS[fault[0]] if lasts else spell(number))
    before = server.count()
    done: list[int] = []
    labels = load(server, tmp_path, timeout_s=2.0, concurrency=16).label(pairs, done.append)
    assert name_all(labels) == list(zip(expected[::2], expected[1::2], strict=True))
    assert sum(done) == 2000
    failures = Counter(why for why in expected if isinstance(why, str))
    assert failures == {
        "rate limited": 25, "server error": 10, "no valid answer": 5, "timed out": 5,
    }  # fmt: skip
    assert labels.tally.failures == failures
    assert (labels.tally.n_replies, labels.tally.n_distinct, labels.tally.n_asked) == (2000,) * 3

    n_calls = server.count()
    assert n_calls - before >= 2000
    again = load(server, tmp_path).label(pairs)
    assert server.count() == n_calls
    assert name_all(again) == name_all(labels)
    assert again.tally.to_json() == labels.tally.to_json()
    assert again.tally.n_asked == 0


KINDS = {
    "fenced": {"humor"},
    "uncounted": {"humor"},
    "half": {"humor"},
    "huge": {"humor"},
    "negative": {"humor"},
    "drop-once": {"humor"},
    "html-once": {"humor"},
    "outside-once": {"humor"},
    "chatty": "no valid answer",
    "html": "no valid answer",
    "choices": "no valid answer",
    "outside": "answer outside the closed set",
    "length": "answer cut off",
    "empty": "empty answer",
    "drop": "connection broken",
    "400": "request refused",
}


def test_each_kind_of_failure_has_its_reason(server, tmp_path):
    replies = [(f"sign-humor fault:{kind}", f"sign-privacy beside {kind}") for kind in KINDS]
    labels = load(server, tmp_path, max_retries=1).label(make_pairs(replies))
    assert name_all(labels) == [(names, {"privacy"}) for names in KINDS.values()]
    assert labels.names == LABEL_NAMES
    assert (
        labels.tally.n_uncounted == 8
    )  # uncounted, half, huge, negative, html, choices, drop, 400
    verdict = labels.judge()
    assert verdict.report.rows_out == 8
    assert verdict.report.dropped["label failed: no valid answer"] == 3


def test_failures_are_asked_about_again_on_request_alone(server, tmp_path):
    pairs = make_pairs([("sign-humor fault:malformed", "sign-humor is fine")])
    extractor = load(server, tmp_path)
    assert name_all(extractor.label(pairs)) == [("no valid answer", {"humor"})]
    before = server.count()
    again = load(server, tmp_path, retry_failed=True).label(pairs)
    assert name_all(again) == [("no valid answer", {"humor"})]
    assert server.count() == before + 2  # one repeat
    assert [r["body"]["seed"] for r in server.read_requests()[-2:]] == [0, 1]


def test_answers_outlive_a_cache_that_is_cleared_meanwhile(server, tmp_path, monkeypatch):
    """Cleared after every round; the second has a reply of the first, which is asked anew."""
    monkeypatch.setattr("valuedata.labelling.llm.extractor.PAIRS_A_ROUND", 1)
    replies = [("sign-humor stays", "sign-privacy"), ("sign-humor stays", "sign-honesty")]
    before = server.count()
    labels = load(server, tmp_path).label(
        make_pairs(replies), lambda _: clear_cache(tmp_path, ["answers"])
    )
    assert name_all(labels) == [({"humor"}, {"privacy"}), ({"humor"}, {"honesty"})]
    assert server.count() - before == 4
    assert (labels.tally.n_distinct, labels.tally.n_asked) == (3, 3)


def test_a_reply_is_asked_about_once_however_often_it_stands_there(server, tmp_path):
    pairs = make_pairs([("sign-humor again", "sign-humor again")] * 3)
    before = server.count()
    labels = load(server, tmp_path).label(pairs)
    assert server.count() == before + 1
    assert name_all(labels) == [({"humor"}, {"humor"})] * 3
    tally = labels.tally
    assert (tally.n_replies, tally.n_distinct, tally.tokens_out) == (6, 1, 7)


@pytest.mark.parametrize(
    "change",
    [
        {"model": "other"},
        {"temperature": 0.5},
        {"seed": 3},
        {"max_tokens": 99},
        {"mode": "open"},
        {"base_url": "http://127.0.0.1:9/v1"},
    ],
)
def test_what_is_sent_decides_what_the_cache_answers(server, tmp_path, change):
    pairs = make_pairs([("sign-humor", "sign-privacy")])
    known = load(server, tmp_path)
    known.label(pairs)
    assert load(server, tmp_path, concurrency=1).estimate(pairs).n_calls == 0
    changed = load(server, tmp_path, **change)
    assert changed.estimate(pairs).n_calls == 2
    assert changed.fingerprint != known.fingerprint


def test_an_estimate_asks_nobody_and_writes_nothing(server, tmp_path):
    pairs = make_pairs([("Yes.", "No."), ("Yes.", "Maybe.")])
    extractor = load(server, tmp_path / "none", price_in=2.0, price_out=1000.0)
    before = server.count()
    found = extractor.estimate(pairs)
    assert server.count() == before
    assert not (tmp_path / "none").exists()
    assert (found.n_replies, found.n_distinct, found.n_calls) == (4, 3, 3)
    # Beside the rubric: two lines of marks, one of JSON, and the reminder, each with its line end.
    quoted = '<data>\n{"prompt": "Well?", "reply": ""}\n</data>\n'
    reminder = (
        "Label the reply quoted above as data, by the rules of the system message. JSON alone."
    )
    each = len(extractor.rubric.system) + len(quoted) + len(reminder)
    n_characters = 3 * each + len("Yes.") + len("No.") + len("Maybe.")
    assert found.tokens_in == -(-n_characters // 4)
    assert found.tokens_out == 3 * 16
    assert found.price == pytest.approx(found.tokens_in * 2e-6 + 48 * 1e-3, abs=1e-6)

    tally = extractor.label(pairs).tally
    assert tally.tokens_in == n_characters  # this server counts characters
    assert tally.price == pytest.approx(n_characters * 2e-6 + 21 * 1e-3)
    left = load(server, tmp_path / "none").estimate(pairs)
    assert (left.n_distinct, left.n_calls, left.tokens_in, left.price) == (3, 0, 0, None)


def test_free_words_are_mapped_and_the_others_counted(server, tmp_path):
    replies = [
        ("sign-compassion sign-humour sign-thrift", "sign-empathy sign-thrift sign-zeal"),
        ("sign-humors sign-humor", "sign-refusal fault:sentence"),
    ]
    labels = load(server, tmp_path, mode="open").label(make_pairs(replies))
    assert labels.names == VALUE_NAMES
    assert name_all(labels) == [
        ({"empathy", "humor"}, {"empathy"}),
        ({"humor"}, "no valid answer"),
    ]
    assert labels.tally.unmapped == {"thrift": 2, "zeal": 1}
    content = labels.tally.to_json()
    assert content["n_unmapped_words"] == 2
    assert content["unmapped_words"] == [["thrift", 2], ["zeal", 1]]


def test_rounds_are_put_together_in_order(server, tmp_path, monkeypatch):
    monkeypatch.setattr("valuedata.labelling.llm.extractor.PAIRS_A_ROUND", 2)
    replies = [(write_reply(row), write_reply(100 + row % 2)) for row in (1, 2, 4, 5, 6)]
    extractor = load(server, tmp_path)
    assert extractor.estimate(make_pairs(replies)).n_calls == 7
    labels = extractor.label(make_pairs(replies))
    assert name_all(labels) == [(spell(row), spell(100 + row % 2)) for row in (1, 2, 4, 5, 6)]
    assert (labels.tally.n_distinct, labels.tally.n_asked) == (7, 7)
    assert name_all(labels.take([3])) == [(spell(5), spell(101))]
    assert labels.take([3]).tally is labels.tally


def test_the_settings_choose_the_extractor(server, tmp_path):
    llm = LlmSettings(model="m", base_url=server.base_url)
    extractor = load_extractor(LabelSettings(extractor="llm", llm=llm), tmp_path)
    assert isinstance(extractor, LlmExtractor)
    assert extractor.fingerprint.startswith("llm-m-closed-")


def test_a_cache_that_cannot_be_made_is_one_sentence(server, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(LabelError, match="cannot be used"):
        load(server, tmp_path / "file" / "folder").label(make_pairs([("Yes.", "No.")]))

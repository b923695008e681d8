"""Every number of a card equals one recounted from the Parquet files."""

import json
import re
import statistics
from collections import Counter
from pathlib import Path

import pytest
from datasets import Dataset

import valuedata.labelling.weights
from tests.cards.reading import read_body, read_section, read_subsection, read_tables, strip_code
from tests.cards.recounting import (
    count_own_drops,
    count_shared_drops,
    measure_differences,
    read_decisions,
    read_pairs,
)
from valuedata.cleaning.prompts import group_near_prompts
from valuedata.release.folder import Release
from valuedata.release.forecast import forecast

WEIGHTS = Path(valuedata.labelling.weights.__path__[0]) / "classifier.json"
N_TOPICS = 8


def cell(number: int) -> str:
    return f"{number:,}"


def tell_reasons(reasons: dict[str, int]) -> set[str]:
    return {f"{reason}: {n:,}" for reason, n in reasons.items()} or {"none"}


def tell(estimate: dict, form: str) -> str:
    return f"{estimate['value']:{form}} ({estimate['low']:{form}} to {estimate['high']:{form}})"


def count_groups(release: Release) -> int:
    """Groups of near-duplicate prompts among the pairs of all subsets."""
    rows = {
        row["pair_id"]: {"prompt": row["prompt"]}
        for value in release.values
        for split in read_pairs(release, value).values()
        for row in split
    }
    threshold = release.manifest["recipe"]["splits"]["near_prompt_jaccard"]
    return len(set(group_near_prompts(Dataset.from_list([*rows.values()]), threshold, 0).tolist()))


def count_user_prompts(rows: list[dict]) -> int:
    return len(
        {tuple(turn["content"] for turn in row["prompt"] if turn["role"] == "user") for row in rows}
    )


@pytest.fixture(scope="module", params=["starter", pytest.param("real", marks=pytest.mark.slow)])
def release(request: pytest.FixtureRequest) -> Release:
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="module")
def decisions(release: Release) -> list[dict]:
    return read_decisions(release)


@pytest.fixture(scope="module")
def again(release: Release) -> dict:
    """The forecast made anew from decisions.parquet and markers.parquet."""
    return forecast(release).to_json()


def test_the_first_table_counts_pairs_and_margins(release: Release, again: dict) -> None:
    (table,) = read_tables(read_section(release, "At a glance"))
    quality = json.loads(WEIGHTS.read_text(encoding="utf-8"))["quality"]
    for value, row in zip(release.values, table[1:], strict=True):
        pairs = [pair for split in read_pairs(release, value).values() for pair in split]
        margins = [pair["margin"] for pair in pairs]
        assert row[:5] == [
            f"`{value}`",
            cell(len(pairs)),
            cell(sum(pair["flipped"] for pair in pairs)),
            f"{statistics.median(margins):.2f}",
            tell(quality[value]["subset_precision"], ".2f"),
        ]
        differences = measure_differences(release, value)
        named = re.findall(r"([a-z-]+) ([+-][\d.]+)", row[5])
        found = {e["name"] for e in again["values"][value]["others"] if e["is_found"]}
        largest = sorted(found, key=lambda name: -abs(differences[name]))[:3]
        assert named == [(name, f"{differences[name]:+.2f}") for name in largest]
        assert named or row[5] == "nothing found"


def test_crosstalk_is_recomputed(release: Release, again: dict) -> None:
    section = read_section(release, "Crosstalk: what each subset pushes")
    assert f"the {again['n_pairs']:,} labelled pairs" in section
    for value, row in zip(release.values, read_tables(section)[0][1:], strict=True):
        told = again["values"][value]
        differences = measure_differences(release, value)
        assert row[1] == tell(told["target"]["difference"], "+.2f")
        assert row[1].startswith(f"{differences[value]:+.2f} ")
        assert row[2] == tell(told["separation"], ".2f")
        assert row[3] == f"{told['n_found']} of {told['n_tested']}"
        for name, number in re.findall(r"([a-z-]+) ([+-][\d.]+)", row[4]):
            assert number == f"{differences[name]:+.2f}"


def test_the_section_of_each_value_is_recounted(release: Release, again: dict) -> None:
    quality = json.loads(WEIGHTS.read_text(encoding="utf-8"))["quality"]
    for value in release.values:
        section = read_section(release, f"The subset of {value}")
        told = again["values"][value]
        labels = read_subsection(section, "How good its labels are")
        assert f"with {quality[value]['n_positives']:,} labelled replies" in labels
        measures = ("subset_precision", "subset_precision_rewarded", "subset_recall")
        for measure, row in zip(
            (*measures, "precision", "recall", "average_precision"),
            read_tables(labels)[0][1:],
            strict=True,
        ):
            assert row[1] == tell(quality[value][measure], ".2f")
        pushed = read_subsection(section, "What it also pushes")
        assert f"over {told['n_pairs']:,} pairs of {told['n_prompts']:,} prompts" in pushed
        assert f"{told['n_found']} of {told['n_tested']} other features" in pushed
        assert tell(told["separation"], ".2f") in pushed
        effects = {effect["name"]: effect for effect in told["others"]}
        own, source = measure_differences(release, value), measure_differences(release, None)
        (table,) = read_tables(pushed)
        assert len(table) - 1 == min(10, told["n_found"])
        for name, kind, difference, in_source in table[1:]:
            assert kind == effects[name]["kind"]
            assert difference == tell(effects[name]["difference"], "+.2f")
            assert difference.startswith(f"{own[name]:+.2f} ")
            assert in_source == tell(effects[name]["in_source"], "+.2f")
            assert in_source.startswith(f"{source[name]:+.2f} ")


def test_topics_have_the_sizes_of_the_clusters(release: Release) -> None:
    for value in release.values:
        pairs = [pair for split in read_pairs(release, value).values() for pair in split]
        sizes = Counter(pair["cluster"] for pair in pairs)
        topics = read_subsection(read_section(release, f"The subset of {value}"), "Topics")
        shown = {row[0]: row[1] for row in read_tables(topics)[0][1:]}
        ranked = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
        rest = [n for _, n in ranked[N_TOPICS:]]
        expected = dict(ranked[:N_TOPICS]) | (
            {f"{len(rest)} smaller topics": sum(rest)} if rest else {}
        )
        assert shown == {name: cell(n) for name, n in expected.items()}


def test_sources_and_drops_are_those_of_the_decisions(
    release: Release, decisions: list[dict]
) -> None:
    (sources,) = read_tables(read_section(release, "Where the pairs come from"))
    for row in sources[1:]:
        own = [entry for entry in decisions if entry["source"] == row[0]]
        assert row[4:] == [
            cell(len(own)),
            cell(sum(entry["pair_id"] is not None for entry in own)),
            cell(sum(entry["outcome"] == "kept" for entry in own)),
        ]
    assert sum(len(row) for row in sources[1:]) == 7 * len(release.manifest["sources"])
    (drops,) = read_tables(read_section(release, "What was dropped, and why"))
    stages = [entry["stage"] for entry in release.manifest["stages"]]
    expected = count_shared_drops(decisions, stages)
    for value in release.values:
        expected += [
            (f"{value}: {stage}", *counts)
            for stage, *counts in count_own_drops(release, decisions, value)
        ]
    assert [(*row[:3], set(row[3].split(", "))) for row in drops[1:]] == [
        (stage, cell(n_in), cell(n_out), tell_reasons(reasons))
        for stage, n_in, n_out, reasons in expected
    ]


def test_splits_and_their_prompts_are_counted(release: Release) -> None:
    section = read_section(release, "Splits")
    expected, splits_of = [], {}
    for value in release.values:
        for split, rows in read_pairs(release, value).items():
            expected.append([f"`{value}`", split, cell(len(rows)), cell(count_user_prompts(rows))])
            for row in rows:
                prompt = tuple(t["content"] for t in row["prompt"] if t["role"] == "user")
                splits_of.setdefault(prompt, set()).add(split)
    assert read_tables(section)[0][1:] == expected
    n_crossing = sum(len(splits) > 1 for splits in splits_of.values())
    assert f"{n_crossing} prompts and 0 of" in section
    assert f"{count_groups(release):,} groups" in section


def test_personal_data_are_counted(release: Release, decisions: list[dict]) -> None:
    section = read_section(release, "Personal data")
    flags = Counter(flag for row in decisions for flag in row["flags"])
    assert flags
    for flag, n in flags.items():
        assert f"{flag.removeprefix('personal data: ')} in {n}" in section
    kept = sum(bool(row["flags"]) for row in decisions if row["outcome"] == "kept")
    assert f"not dropped; {kept} of them" in section


def test_no_other_number_is_in_the_prose(
    release: Release, decisions: list[dict], again: dict
) -> None:
    """What stands outside tables is recounted here, or a constant that the text explains."""
    pairs = {value: read_pairs(release, value) for value in release.values}
    labelled = [row for row in decisions if row["chosen_probabilities"] is not None]
    kept = [row for row in decisions if row["outcome"] == "kept"]
    quality = json.loads(WEIGHTS.read_text(encoding="utf-8"))["quality"]
    recounted: list[object] = [
        len(decisions),
        sum(row["pair_id"] is not None for row in decisions),
        len(labelled),
        len(kept),
        *Counter(row["source"] for row in kept).values(),
        len(release.manifest["sources"]),
        len(release.manifest["labels"]["names"]),
        count_groups(release),
        sum(bool(row["flags"]) for row in kept),
        *Counter(flag for row in decisions for flag in row["flags"]).values(),
        *(quality[value]["n_positives"] for value in release.values),
    ]
    for value, splits in pairs.items():
        rows = [row for split in splits.values() for row in split]
        told = again["values"][value]
        recounted += [len(rows), count_own_drops(release, decisions, value)[0][2]]
        recounted += [told["n_pairs"], told["n_prompts"], told["n_found"], told["n_tested"]]
        recounted += [f"{told['separation'][end]:.2f}" for end in ("value", "low", "high")]
        for row in splits["train"]:
            recounted.append(f"{row['margin']:.2f}")
            texts = (row["prompt"][-1], row["chosen"][-1], row["rejected"][-1])
            recounted += [len(text["content"].split()) for text in texts]
    # 95 % intervals; 0.5 is clean, 5 % false discoveries, margin 1; thin evidence below 200; the
    # version; the paper's number; Gebru et al. 2021; crossing prompts, 0; the ten largest
    constants = {"95", "0.5", "5", "1", "200", "0.1.0", "2605.07925", "2021", "0", "10"}
    allowed = constants | {f"{n:,}" if isinstance(n, int) else str(n) for n in recounted}
    body = read_body(release).partition("\n## Notice\n")[0]
    said = re.findall(r"(?<![\w.-])\d[\d,]*(?:\.\d+)*", strip_code(body))
    assert {number.rstrip(",") for number in said} <= allowed

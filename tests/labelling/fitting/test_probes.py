"""Probes are well formed, of both kinds, and told right or wrong at the threshold."""

from dataclasses import replace

import numpy as np

from valuedata.labelling.fitting.probes import load_probes, try_probes
from valuedata.labelling.gold import load_gold
from valuedata.labelling.heads import load_heads
from valuedata.labelling.values import LABEL_NAMES


def test_probes_are_of_known_names_and_both_kinds():
    probes = [probe for some in load_probes().values() for probe in some]
    assert {probe.name for probe in probes} <= set(LABEL_NAMES)
    assert {probe.expressed for probe in probes} == {True, False}
    assert len({probe.reply for probe in probes}) == len(probes)


def test_probes_are_in_no_training_data():
    trained_on = {
        reading.reply
        for pair in load_gold(["starter", "written"])
        for reading in (pair.chosen, pair.rejected)
    }
    assert not trained_on & {probe.reply for some in load_probes().values() for probe in some}


def test_a_probe_is_right_where_its_label_is(adapted):
    heads = load_heads()
    always, never = (
        try_probes(replace(heads, thresholds=np.full(len(heads.names), at, np.float32)), adapted)
        for at in (0.0, 1.01)
    )
    probes = [probe for some in load_probes().values() for probe in some]
    assert [record["is_right"] for record in always] == [probe.expressed for probe in probes]
    assert [record["is_right"] for record in never] == [not probe.expressed for probe in probes]
    assert [record["mode"] for record in always] == [
        mode for mode, some in load_probes().items() for _ in some
    ]
    assert all(0 < record["probability"] < 1 for record in always)

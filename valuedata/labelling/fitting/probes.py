"""Replies written to be hard: which of them weights get wrong, for the classifier's card."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from valuedata.labelling.encoding.encoder import Encoder, encode
from valuedata.labelling.heads import Heads, predict
from valuedata.labelling.readings import Reading
from valuedata.recipe import read_yaml

__all__ = ["Probe", "load_probes", "try_probes"]

FILE = Path(__file__).parents[1] / "probes.yaml"
DIGITS = 4


class Probe(BaseModel):
    """A reply that is hard to label.

    Attributes:
        name: The value or behaviour in question.
        expressed: Whether the reply expresses it.
        prompt: What was asked.
        reply: What was answered.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str
    expressed: bool
    prompt: Annotated[str, Field(min_length=1)]
    reply: Annotated[str, Field(min_length=1)]


def load_probes() -> dict[str, list[Probe]]:
    """Reads the packaged probes: what makes them hard to probes, in the order of the file."""
    content = read_yaml(FILE, "Probes", "name, expressed, prompt and reply")
    return TypeAdapter(dict[str, list[Probe]]).validate_python(content)


def try_probes(heads: Heads, encoder: Encoder) -> list[dict[str, Any]]:
    """Labels the probes of the names that the heads have.

    Args:
        heads: The weights.
        encoder: With their adapter.

    Returns:
        A record a probe as JSON types: `mode`, what makes it hard; the fields of the probe;
        `probability`; and `is_right`, whether the label at the threshold is.

    Raises:
        LabelError: If the cache is damaged or cannot be written.
    """
    tried = [
        (mode, probe)
        for mode, probes in load_probes().items()
        for probe in probes
        if probe.name in heads.names
    ]
    readings = [Reading(probe.prompt, probe.reply) for _, probe in tried]
    probabilities = predict(heads, readings, encode(encoder, readings))
    records = []
    for (mode, probe), row in zip(tried, probabilities, strict=True):
        column = heads.names.index(probe.name)
        expressed = bool(row[column] >= heads.thresholds[column])
        records.append(
            {
                "mode": mode,
                **probe.model_dump(),
                "probability": round(float(row[column]), DIGITS),
                "is_right": expressed == probe.expressed,
            }
        )
    return records

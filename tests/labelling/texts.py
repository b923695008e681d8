"""Readings of many lengths."""

from valuedata.labelling.readings import Reading

SENTENCES = (
    "That sounds hard, and I am sorry that you have to carry it alone.",
    "Boil the eggs for seven minutes.",
    "I don't know who wrote it; my records end before that year.",
    "Why did the map turn red? It saw the legend!",
    "Ask a lawyer before you sign, since the lease may be void.",
)

READINGS = [
    Reading(prompt=f"Question {number}: what now?", reply=" ".join(SENTENCES[:n] * repeats))
    for number, (n, repeats) in enumerate((n, repeats) for repeats in (1, 5) for n in (1, 2, 3, 5))
]

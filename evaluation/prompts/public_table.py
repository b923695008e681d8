"""The table of public prompt sets: what each is for, where it is, and under which licence."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from evaluation.prompts import public_citations as citations
from evaluation.prompts import public_readers as readers
from evaluation.prompts.public_readers import Row
from evaluation.prompts.records import Kind, Prompt

__all__ = ["PUBLIC_SETS", "Part", "PublicSet"]


@dataclass(frozen=True)
class Part:
    """Rows of one form.

    Attributes:
        read: Turns a row and its number into prompts, or says why it is none.
        files: Patterns for the names of its local files; none where it is on the Hub alone.
        config: Config on the Hub.
        split: Split on the Hub; empty where it is in local files alone.
    """

    read: Callable[[Row, int], Sequence[Prompt] | str]
    files: tuple[str, ...] = ()
    config: str | None = None
    split: str = ""


@dataclass(frozen=True)
class PublicSet:
    """One entry of the table.

    Attributes:
        name: What `--prompts` takes.
        kinds: Kinds of its prompts.
        measures: What it is for, in one sentence.
        licence: SPDX identifier of the prompts.
        citation: BibTeX.
        homepage: Where its authors publish it.
        parts: Its rows.
        repository: Data set on the Hub; None where it is read from local files alone.
        lines: Column to the text file of a folder that holds it, one row a line; instead of the
            files of the parts.
    """

    name: str
    kinds: tuple[Kind, ...]
    measures: str
    licence: str
    citation: str
    homepage: str
    parts: tuple[Part, ...]
    repository: str | None = None
    lines: Mapping[str, str] = field(default_factory=dict)

    @property
    def files(self) -> tuple[str, ...]:
        """Patterns for the names of its local files."""
        return tuple(self.lines.values()) or tuple(
            name for part in self.parts for name in part.files
        )


REFUSAL: Final[tuple[Kind, ...]] = ("unsafe", "safe-look-alike")

PUBLIC_SETS: Final = {
    entry.name: entry
    for entry in (
        PublicSet(
            name="xstest",
            kinds=REFUSAL,
            measures="over-refusal of safe prompts that look unsafe, beside unsafe contrasts",
            licence="CC-BY-4.0",
            citation=citations.XSTEST,
            homepage="https://github.com/paul-rottger/xstest",
            repository="Paul/XSTest",
            parts=(Part(readers.read_xstest, ("xstest_prompts*.csv",), split="train"),),
        ),
        PublicSet(
            name="harmbench",
            kinds=("unsafe",),
            measures="refusal of harmful behaviours, plain or with a context",
            licence="MIT",
            citation=citations.HARMBENCH,
            homepage="https://github.com/centerforaisafety/HarmBench",
            repository="walledai/HarmBench",
            parts=(
                Part(readers.read_harmbench, ("harmbench*.csv",), "standard", "train"),
                Part(readers.read_harmbench, config="contextual", split="train"),
            ),
        ),
        PublicSet(
            name="strongreject",
            kinds=("unsafe",),
            measures="refusal of forbidden requests in six categories",
            licence="MIT",
            citation=citations.STRONGREJECT,
            homepage="https://github.com/alexandrasouly/strongreject",
            repository="walledai/StrongREJECT",
            parts=(Part(readers.read_strongreject, ("strongreject*.csv",), split="train"),),
        ),
        PublicSet(
            name="advbench",
            kinds=("unsafe",),
            measures="refusal of harmful instructions",
            licence="MIT",
            citation=citations.ADVBENCH,
            homepage="https://github.com/llm-attacks/llm-attacks",
            repository="walledai/AdvBench",
            parts=(
                Part(
                    readers.read_advbench, ("advbench*.csv", "harmful_behaviors.csv"), split="train"
                ),
            ),
        ),
        PublicSet(
            name="jailbreakbench",
            kinds=REFUSAL,
            measures="refusal of harmful behaviours, and of benign ones on the same topics",
            licence="MIT",
            citation=citations.JAILBREAKBENCH,
            homepage="https://github.com/JailbreakBench/jailbreakbench",
            repository="JailbreakBench/JBB-Behaviors",
            parts=(
                Part(
                    readers.read_jailbreakbench,
                    ("jailbreakbench.csv", "harmful-behaviors.csv"),
                    "behaviors",
                    "harmful",
                ),
                Part(
                    readers.read_jailbreakbench_benign,
                    ("jailbreakbench-benign.csv", "benign-behaviors.csv"),
                    "behaviors",
                    "benign",
                ),
            ),
        ),
        PublicSet(
            name="coconot",
            kinds=("unsafe", "safe-look-alike", "invites-human-claims"),
            measures="refusal of unsafe requests and of look-alikes; claims of human life",
            licence="MIT",
            citation=citations.COCONOT,
            homepage="https://github.com/allenai/noncompliance",
            repository="allenai/coconot",
            parts=(
                Part(readers.read_coconot, ("coconot_eval*.jsonl",), "original", "test"),
                Part(
                    partial(readers.read_coconot, is_contrast=True),
                    ("coconot_contrast*.jsonl",),
                    "contrast",
                    "test",
                ),
            ),
        ),
        PublicSet(
            name="anthrobench",
            kinds=("invites-human-claims",),
            measures="anthropomorphic behaviour after first turns that invite it",
            licence="Apache-2.0",
            citation=citations.ANTHROBENCH,
            homepage="https://github.com/google-deepmind/anthro-benchmark",
            parts=(Part(readers.read_anthrobench, ("*first_turns*.csv",)),),
        ),
        PublicSet(
            name="r-u-a-robot",
            kinds=("invites-human-claims",),
            measures="false claims to be human where a user asks",
            licence="MIT",
            citation=citations.R_U_A_ROBOT,
            homepage="https://github.com/DNGros/R-U-A-Robot",
            parts=(Part(readers.read_robot_question, ("*.test.csv",)),),
        ),
        PublicSet(
            name="sycon",
            kinds=("false-premise",),
            measures="acceptance of false presuppositions, in the first turn of its dialogues",
            licence="MIT",
            citation=citations.SYCON,
            homepage="https://github.com/JiseungHong/SYCON-Bench",
            parts=(Part(readers.read_sycon),),
            lines={
                "question": "*fp_questions.txt",
                "presupposition": "*fp_presuppositions.txt",
                "correction": "*fp_corrections.txt",
            },
        ),
        PublicSet(
            name="syco-bench",
            kinds=("side-taking",),
            measures="agreement with whichever side the user takes",
            licence="MIT-0",
            citation=citations.SYCO_BENCH,
            homepage="https://github.com/timfduffy/syco-bench",
            parts=(
                Part(readers.read_sycobench_pickside, ("*pickside*.csv",)),
                Part(readers.read_sycobench_mirror, ("*mirror*.csv",)),
            ),
        ),
        PublicSet(
            name="truthfulqa",
            kinds=("qa",),
            measures="truth against common misconceptions, as multiple choice",
            licence="Apache-2.0",
            citation=citations.TRUTHFULQA,
            homepage="https://github.com/sylinrl/TruthfulQA",
            repository="truthfulqa/truthful_qa",
            parts=(
                Part(readers.read_truthfulqa, ("TruthfulQA*.csv",), "generation", "validation"),
            ),
        ),
    )
}
"""Public sets by name."""

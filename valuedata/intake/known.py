"""The table of known sources: where each lives, what it may be used for, and whom to cite."""

from dataclasses import dataclass
from pathlib import Path

__all__ = ["KNOWN_SOURCES", "KnownSource", "is_red_teaming"]

STARTER_FILE = Path(__file__).parent / "starter" / "pairs.jsonl"


@dataclass(frozen=True)
class KnownSource:
    """One entry of the table.

    Attributes:
        name: What `--source` takes.
        summary: What it holds, in a few words.
        repository: Hub data set; None for the bundled corpus.
        folders: Folders of the repository that hold preference pairs; empty where it is the whole.
        config: Config of the data set; None for its default.
        splits: Splits that are read, in this order.
        licence: SPDX identifier.
        citation: BibTeX.
        format: Name of the format of its rows.
        revision: Branch, tag or commit; the commit that it resolves to is recorded.
        file: The bundled file; None for a Hub data set.
        red_teaming: Whether prompts in it were written to make a model do harm.
    """

    name: str
    summary: str
    repository: str | None
    licence: str
    citation: str
    format: str
    folders: tuple[str, ...] = ()
    config: str | None = None
    splits: tuple[str, ...] = ("train",)
    revision: str = "main"
    file: Path | None = None
    red_teaming: bool = False

    @property
    def homepage(self) -> str | None:
        """Address of the data set's page."""
        return f"https://huggingface.co/datasets/{self.repository}" if self.repository else None


HH_RLHF = """@misc{bai2022training,
  title={Training a Helpful and Harmless Assistant with Reinforcement Learning from Human Feedback},
  author={Yuntao Bai and Andy Jones and Kamal Ndousse and Amanda Askell and Anna Chen and Nova DasSarma and Dawn Drain and Stanislav Fort and Deep Ganguli and Tom Henighan and Nicholas Joseph and Saurav Kadavath and Jackson Kernion and Tom Conerly and Sheer El-Showk and Nelson Elhage and Zac Hatfield-Dodds and Danny Hernandez and Tristan Hume and Scott Johnston and Shauna Kravec and Liane Lovitt and Neel Nanda and Catherine Olsson and Dario Amodei and Tom Brown and Jack Clark and Sam McCandlish and Chris Olah and Ben Mann and Jared Kaplan},
  year={2022},
  eprint={2204.05862},
  archivePrefix={arXiv},
  primaryClass={cs.CL}
}"""  # noqa: E501 - one author list

PKU_SAFERLHF = """@article{ji2024pku,
  title={PKU-SafeRLHF: Towards Multi-Level Safety Alignment for LLMs with Human Preference},
  author={Ji, Jiaming and Hong, Donghai and Zhang, Borong and Chen, Boyuan and Dai, Josef and Zheng, Boren and Qiu, Tianyi and Li, Boxun and Yang, Yaodong},
  journal={arXiv preprint arXiv:2406.15513},
  year={2024}
}"""  # noqa: E501 - one author list

ULTRAFEEDBACK = """@misc{cui2023ultrafeedback,
  title={UltraFeedback: Boosting Language Models with High-quality Feedback},
  author={Ganqu Cui and Lifan Yuan and Ning Ding and Guanming Yao and Wei Zhu and Yuan Ni and Guotong Xie and Zhiyuan Liu and Maosong Sun},
  year={2023},
  eprint={2310.01377},
  archivePrefix={arXiv},
  primaryClass={cs.CL}
}

@misc{tunstall2023zephyr,
  title={Zephyr: Direct Distillation of LM Alignment},
  author={Lewis Tunstall and Edward Beeching and Nathan Lambert and Nazneen Rajani and Kashif Rasul and Younes Belkada and Shengyi Huang and Leandro von Werra and Cl{\\'e}mentine Fourrier and Nathan Habib and Nathan Sarrazin and Omar Sanseviero and Alexander M. Rush and Thomas Wolf},
  year={2023},
  eprint={2310.16944},
  archivePrefix={arXiv},
  primaryClass={cs.LG}
}"""  # noqa: E501 - one author list

HELPSTEER2 = """@misc{wang2024helpsteer2,
  title={HelpSteer2: Open-source dataset for training top-performing reward models},
  author={Zhilin Wang and Yi Dong and Olivier Delalleau and Jiaqi Zeng and Gerald Shen and Daniel Egert and Jimmy J. Zhang and Makesh Narsimhan Sreedhar and Oleksii Kuchaiev},
  year={2024},
  eprint={2406.08673},
  archivePrefix={arXiv},
  primaryClass={cs.CL}
}"""  # noqa: E501 - one author list

STARTER = """@misc{valuedata_starter,
  title={The valuedata starter corpus},
  author={{The valuedata authors}},
  year={2026},
  note={Bundled with the Python package valuedata}
}"""

KNOWN_SOURCES = {
    entry.name: entry
    for entry in (
        KnownSource(
            name="starter",
            summary="small bundled corpus to try everything offline",
            repository=None,
            licence="Apache-2.0",
            citation=STARTER,
            format="trl",
            splits=(),
            file=STARTER_FILE,
        ),
        KnownSource(
            name="hh-rlhf",
            summary="dialogues with crowd workers, judged for helpfulness or harmlessness",
            repository="Anthropic/hh-rlhf",
            licence="MIT",
            citation=HH_RLHF,
            format="hh",
            folders=(
                "harmless-base",
                "helpful-base",
                "helpful-online",
                "helpful-rejection-sampled",
            ),
            red_teaming=True,
        ),
        KnownSource(
            name="pku-saferlhf",
            summary="replies to risky questions, judged for helpfulness and safety",
            repository="PKU-Alignment/PKU-SafeRLHF",
            licence="CC-BY-NC-4.0",
            citation=PKU_SAFERLHF,
            format="pku",
            config="default",
            red_teaming=True,
        ),
        KnownSource(
            name="ultrafeedback",
            summary="replies of many models to varied instructions, judged by GPT-4",
            repository="HuggingFaceH4/ultrafeedback_binarized",
            licence="MIT",
            citation=ULTRAFEEDBACK,
            format="ultrafeedback",
            config="default",
            splits=("train_prefs",),
        ),
        KnownSource(
            name="helpsteer2",
            summary="two replies a prompt with human ratings of helpfulness",
            repository="nvidia/HelpSteer2",
            licence="CC-BY-4.0",
            citation=HELPSTEER2,
            format="helpsteer2",
        ),
    )
}


def is_red_teaming(name: str) -> bool:
    """Whether a source or a local path of that name holds prompts that ask for harm on purpose.

    The whole of hh-rlhf counts as such, its helpful folders too, for neither a pair nor the name
    of a local copy tells which folder it is from.
    """
    return any(
        name in (entry.name, *entry.folders)
        for entry in KNOWN_SOURCES.values()
        if entry.red_teaming
    )

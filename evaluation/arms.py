"""Which arms take part, and where their replies come from."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Literal

from evaluation.analysis import Arms
from evaluation.generation.model_files import ModelFiles, find_base, find_model, read_run
from valuedata.errors import EvaluationError

__all__ = ["Arm", "Role", "Run", "find_arms", "list_roles", "name_arms"]

logger = logging.getLogger(__name__)

Role = Literal["base", "tuned", "control"]
BASE: Final = "base"
TUNED: Final = "tuned"
CONTROL: Final = "control"
VALUE: Final = "value"
SWAPPED: Final = "swapped"
REMEDY: Final = "give --base and --tuned, --outputs tuned=FILE, or --runs RUN"


@dataclass(frozen=True)
class Arm:
    """One arm.

    Attributes:
        name: What tables call it.
        role: What it is compared as.
        model: A model on this machine or the Hub, or a name on a server; None for outputs.
        files: Where the weights of a model on this machine or the Hub are.
        outputs: File of its replies; None for a model.
    """

    name: str
    role: Role
    model: str | None = None
    files: ModelFiles | None = field(default=None, repr=False)
    outputs: Path | None = None


@dataclass(frozen=True)
class Run:
    """The arms of a folder that `valuedata train --arms` wrote.

    Attributes:
        arms: Base, value, and controls by name.
        value: What was trained.
    """

    arms: tuple[Arm, ...]
    value: str


def name_arms(
    models: Mapping[Role, Sequence[str]], outputs: Sequence[str], *, on_server: bool
) -> tuple[Arm, ...]:
    """The arms that a user names one by one.

    Args:
        models: Role to models of that role.
        outputs: "ARM=FILE", where ARM is base, tuned, or begins with control.
        on_server: Whether the models are names on a server.

    Raises:
        EvaluationError: If a model is not there, or outputs are of no arm.
    """
    arms = []
    for role, names in models.items():
        for number, model in enumerate(names):
            name = f"{CONTROL}-{number}" if role == CONTROL else role
            files = None if on_server else find_model(model)
            arms.append(Arm(name, role, model, files))
    for text in outputs:
        name, _, path = text.partition("=")
        meant = _read_role(name)
        if not path or meant is None:
            raise EvaluationError(
                f"--outputs {text!r} names no arm; write base=FILE, tuned=FILE or, for each "
                "control, control-0=FILE."
            )
        arms.append(Arm(name, meant, outputs=Path(path)))
    return _sort(arms)


def find_arms(folder: Path) -> Run:
    """The arms of a folder of runs: the base, the value, and every other run as a control.

    The swapped arm is none of them: it is trained away from the value, so it is no placebo.

    Raises:
        EvaluationError: If it holds no finished run of a value or cannot be read, or its arms
            differ in their base.
    """
    try:
        return _find_arms(folder)
    except OSError as error:
        raise EvaluationError(
            f"{folder} cannot be read ({error.strerror}); give a folder that you may read."
        ) from error


def _find_arms(folder: Path) -> Run:
    if not (folder / VALUE / "run.json").is_file():
        raise EvaluationError(
            f"{folder} holds no arms; give a folder that `valuedata train --arms value,...` wrote, "
            "or one run with --tuned."
        )
    record = read_run(folder / VALUE)
    base = find_base(folder / VALUE, record)
    arms = [
        Arm(BASE, BASE, base.name, base),
        Arm(VALUE, TUNED, str(folder / VALUE), find_model(str(folder / VALUE))),
    ]
    for path in sorted(folder.iterdir()):
        if path.name == SWAPPED:
            logger.warning(
                "%s is left out: it was trained away from the value, so it is no control; compare "
                "with it by --base and --tuned",
                path,
            )
        elif path.name != VALUE and (path / "run.json").is_file():
            found = find_base(path, read_run(path))
            if found != base:
                raise EvaluationError(
                    f"The runs {folder / VALUE} and {path} started from different models; give the "
                    "arms of one base."
                )
            arms.append(Arm(path.name, CONTROL, str(path), find_model(str(path))))
    return Run(tuple(arms), _read_value(record))


def list_roles(arms: Sequence[Arm]) -> Arms:
    """Which arm is what.

    Raises:
        EvaluationError: If there is not one tuned arm, or nothing to compare it with.
    """
    by_role: dict[Role, list[str]] = {BASE: [], TUNED: [], CONTROL: []}
    names: set[str] = set()
    for arm in arms:
        if arm.name in names:
            raise EvaluationError(f"Arm {arm.name!r} is given twice; give each once.")
        names.add(arm.name)
        by_role[arm.role].append(arm.name)
    if len(by_role[TUNED]) != 1:
        raise EvaluationError(f"{len(by_role[TUNED])} tuned arms are given; {REMEDY}.")
    if len(by_role[BASE]) > 1:
        raise EvaluationError("Two base arms are given; give one.")
    if not by_role[BASE] and not by_role[CONTROL]:
        raise EvaluationError(
            "The tuned arm has nothing to be compared with; add --base or --control, or their "
            "--outputs."
        )
    base = by_role[BASE][0] if by_role[BASE] else None
    return Arms(base, by_role[TUNED][0], tuple(by_role[CONTROL]))


def _read_role(name: str) -> Role | None:
    if name == BASE:
        return BASE
    if name == TUNED:
        return TUNED
    return CONTROL if name.startswith(CONTROL) else None


def _sort(arms: Sequence[Arm]) -> tuple[Arm, ...]:
    order = (BASE, TUNED, CONTROL)
    return tuple(sorted(arms, key=lambda arm: order.index(arm.role)))


def _read_value(record: Mapping[str, Any]) -> str:
    return str(record["release"]["value"])

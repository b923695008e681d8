"""Options of `valuedata evaluate` to what is evaluated, and with which judges."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from evaluation.analysis import SmallestEffect
from evaluation.arms import Arm, Role, find_arms, list_roles, name_arms
from evaluation.generation.generate import GenerationSettings, Generator, open_reply_cache
from evaluation.generation.loading import choose_template
from evaluation.generation.local_model import LocalModel
from evaluation.generation.model_files import fetch_adapter
from evaluation.generation.rounds import begin_round, find_round
from evaluation.generation.server import ServerModel
from evaluation.judges.bench import Bench
from evaluation.judges.classifier import Labeller
from evaluation.judges.judge import LLM
from evaluation.judges.llm import Asker, open_judgements
from evaluation.lm_tasks import require_harness
from evaluation.prompts.records import PromptSet
from evaluation.run import Plan
from evaluation.side_effects.table import check_judges, choose_measures
from valuedata.errors import EvaluationError
from valuedata.labelling.llm.answers import AnswerCache
from valuedata.labelling.llm.client import require_client
from valuedata.labelling.metadata import PACKAGED, read_metadata
from valuedata.labelling.values import list_values
from valuedata.settings import LlmSettings

__all__ = ["make_bench", "make_plan"]

Options = Mapping[str, Any]


def make_plan(sets: Sequence[PromptSet], options: Options) -> Plan:
    """Finds the arms and says how they are compared.

    Args:
        sets: The prompts.
        options: Value of each option by its name.

    Raises:
        ValuedataError: If an option is wrong, or options do not go together.
    """
    value = options["value"]
    named = [options["base"], options["tuned"], *options["controls"]]
    if options["runs"] is not None and (any(named) or options["server"]):
        raise EvaluationError(
            "--runs names all models; leave --base, --tuned, --control and --server out."
        )
    models: dict[Role, list[str]] = {
        "base": [options["base"]] if options["base"] else [],
        "tuned": [options["tuned"]] if options["tuned"] else [],
        "control": list(options["controls"]),
    }
    if options["fresh"] and options["server"] is None and options["llm_model"] is None:
        raise EvaluationError(
            "--fresh asks servers anew and none takes part; give --server or --llm-model, too, or "
            "leave it out."
        )
    arms = name_arms(models, options["outputs"], on_server=options["server"] is not None)
    if options["runs"] is not None:
        run = find_arms(options["runs"])
        arms, value = (*run.arms, *arms), value or run.value
    roles = list_roles(arms)
    weights = options["weights"] or PACKAGED
    values = list_values(read_metadata(weights)[0])
    kinds = frozenset(prompt.kind for found in sets for prompt in found.prompts)
    settings = _read_settings(options)
    least = options["least_judged"]
    return Plan(
        arms=arms,
        roles=roles,
        generators=_make_generators(arms, options),
        sets=sets,
        measures=choose_measures(kinds, value, values),
        settings=settings,
        smallest=SmallestEffect(options["smallest_effect"], options["smallest_effect_sd"]),
        value=value,
        command=_tell_command(),
        tasks=_read_tasks(options),
        task_limit=options["qa_limit"],
        **({} if least is None else {"least_judged": least}),
    )


def _read_settings(options: Options) -> GenerationSettings:
    names = ("samples", "temperature", "seed", "max_tokens", "system_prompt")
    given = {name: options[name] for name in names if options[name] is not None}
    try:
        settings = GenerationSettings(**given)
    except ValidationError as error:
        first = error.errors()[0]
        option = str(first["loc"][0]).replace("_", "-")
        raise EvaluationError(
            f"--{option} cannot be {first['input']}: {first['msg'].lower()}."
        ) from error
    if settings.samples > 1 and not settings.temperature and not options["outputs"]:
        raise EvaluationError(
            "--samples above 1 at temperature 0 gives the same reply each time; give --temperature."
        )
    return settings


def _make_generators(arms: Sequence[Arm], options: Options) -> dict[str, Generator]:
    if options["server"] is not None:
        require_client()
        servers = {
            model: _read_llm(options["server"], model, "--server")
            for model in dict.fromkeys(arm.model for arm in arms)
            if model is not None
        }
        replies = open_reply_cache()
        models = {
            model: ServerModel(server, _choose_round(replies, server, options))
            for model, server in servers.items()
        }
        return {arm.name: models[arm.model] for arm in arms if arm.model is not None}
    files = {arm.name: fetch_adapter(arm.files) for arm in arms if arm.files is not None}
    if not files:
        return {}

    template = choose_template(files, _read_template(options["chat_template"]))
    return {name: LocalModel(found, template, options["device"]) for name, found in files.items()}


def make_bench(plan: Plan, options: Options) -> Bench:
    """Sets the judges up.

    Args:
        plan: What they judge.
        options: Value of each option by its name.

    Raises:
        EvaluationError: If a judge is unknown, or lacks its server.
    """
    allowed = check_judges(options["judges"])
    asker = None
    if (options["llm_model"] is None) != (options["llm_base_url"] is None):
        raise EvaluationError(
            "A language model judges with --llm-model and --llm-base-url; give both."
        )
    if options["llm_model"] is not None:
        require_client()
        server = _read_llm(options["llm_base_url"], options["llm_model"], "--llm-base-url")
        judgements = open_judgements()
        asker = Asker(server, judgements, round=_choose_round(judgements, server, options))
    elif LLM in options["judges"]:
        raise EvaluationError("--judge llm needs --llm-model and --llm-base-url; give both.")
    models = {
        name: model for name, model in plan.generators.items() if isinstance(model, LocalModel)
    }
    packaged = Labeller(options["precision"])
    own = options["weights"]
    return Bench(
        arms=tuple(arm.name for arm in plan.arms),
        labeller=packaged if own is None else Labeller(options["precision"], own),
        packaged=packaged,
        asker=asker,
        models=models,
        allowed=allowed,
        classify=options["classify"],
        system_prompt=plan.settings.system_prompt,
    )


def _choose_round(cache: AnswerCache, server: LlmSettings, options: Options) -> int:
    """The round in which a server is asked: a new one where the user says so."""
    return begin_round(cache, server) if options["fresh"] else find_round(cache, server)


def _read_tasks(options: Options) -> tuple[str, ...]:
    if not options["qa"]:
        return ()
    require_harness()
    return tuple(name.strip() for name in options["qa"].split(",") if name.strip())


def _read_llm(address: str, model: str | None, option: str) -> LlmSettings:
    try:
        return LlmSettings(model=model, base_url=address)
    except ValidationError as error:
        first = error.errors()[0]
        named = option if first["loc"] == ("base_url",) else "The model's name"
        raise EvaluationError(f"{named} {first['msg'].rstrip('.')}.") from error


def _read_template(path: Path | None) -> str | None:
    if path is None:
        return None
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise EvaluationError(
            f"The chat template {path} cannot be read; give the path of a Jinja file."
        ) from error


def _tell_command() -> str:
    """What the user typed, so that a report can say how to run it again."""
    return shlex.join(["valuedata", *sys.argv[1:]])

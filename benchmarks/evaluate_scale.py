"""What evaluating many outputs takes: seconds, processor seconds and memory of the whole command.

    python -m benchmarks.evaluate_scale hh-rlhf=FOLDER --prompts 10000 --out scale.json

Prompts and replies are those of pairs; where there are too few, prompts are numbered, and each arm
replies with the reply of another pair, so that no reading recurs. The cache is empty.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.readings import Reading, read_sides

ARMS = ("base", "tuned", "control-0", "control-1", "control-2")
STEP = 37  # pairs between the replies of one arm and those of the next
CALL = "from valuedata.cli import main; main()"


def write_inputs(source: str, n_prompts: int, folder: Path) -> None:
    """Writes a prompt set of open requests and the outputs of five arms."""
    with TemporaryDirectory() as work:
        intake = read_pairs([resolve_source(source, None)], Path(work), 1.0, lambda _: None)
        readings = [reading for side in read_sides(intake.pairs) for reading in side]
    readings = [
        Reading(*(text.encode("utf-8", "replace").decode() for text in reading))
        for reading in readings
        if reading.prompt.strip()
    ]
    n = len(readings)
    families = [
        {"family": f"p{k}", "domain": "any", "neutral": f"{readings[k % n].prompt} ({k})"}
        for k in range(n_prompts)
    ]
    head = {
        "name": "scale",
        "kind": "open",
        "measures": "scale",
        "licence": "none",
        "citation": "-",
    }
    content = json.dumps({**head, "families": families}, ensure_ascii=False)
    (folder / "scale.json").write_text(content, encoding="utf-8")
    for number, arm in enumerate(ARMS):
        with (folder / f"{arm}.jsonl").open("w", encoding="utf-8") as file:
            for k in range(n_prompts):
                reply = readings[(k + STEP * number) % n].reply
                row = {"prompt_id": f"scale/p{k}/neutral", "reply": reply}
                file.write(json.dumps(row) + "\n")


def measure(source: str, n_prompts: int, options: list[str]) -> dict[str, object]:
    """Runs the command once and says what it took."""
    with TemporaryDirectory() as work:
        folder = Path(work)
        write_inputs(source, n_prompts, folder)
        outputs = [word for arm in ARMS for word in ("--outputs", f"{arm}={arm}.jsonl")]
        words = ["evaluate", "--prompts", "scale.json", "--out", "out", *outputs, *options]
        environment = os.environ | {
            "VALUEDATA_CACHE": str(folder / "cache"),
            "PYTHONPATH": str(Path(__file__).parents[1]),
        }
        start = time.perf_counter()
        subprocess.run(  # noqa: S603 - our own program
            [sys.executable, "-c", CALL, *words, "--quiet"], cwd=folder, env=environment, check=True
        )
        seconds = time.perf_counter() - start
        used = resource.getrusage(resource.RUSAGE_CHILDREN)
        content = json.loads((folder / "out" / "results.json").read_text(encoding="utf-8"))
    n_classified = max(
        found["n_scores"] for found in content["measures"] if found["judge"] == "classifier"
    )
    return {
        "n_prompts": n_prompts,
        "n_replies": n_prompts * len(ARMS),
        "n_classified": n_classified * len(ARMS),
        "options": options,
        "seconds": round(seconds, 1),
        "processor_seconds": round(used.ru_utime + used.ru_stime, 1),
        "peak_memory_gb": round(used.ru_maxrss / 2**20, 2),
        "machine": {"processor": platform.processor() or platform.machine(), "n": os.cpu_count()},
    }


def main() -> None:
    """Reads pairs, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", help="what --source of valuedata takes")
    parser.add_argument("--prompts", type=int, required=True, help="how many prompts")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given, options = parser.parse_known_args()
    result = measure(given.source, given.prompts, options)
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main()

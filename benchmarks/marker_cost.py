"""How many replies a second the markers of a reply are measured for, on one core.

    python -m benchmarks.marker_cost hh-rlhf=FILE ultrafeedback=FOLDER --out FILE

Takes all distinct replies of the sources; the result is that of the median of five rounds.
"""

import argparse
import json
import platform
import statistics
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from valuedata.intake.collect import read_pairs
from valuedata.intake.naming import resolve_source
from valuedata.labelling.markers import measure_markers
from valuedata.labelling.readings import read_sides

N_ROUNDS = 5


def main() -> None:
    """Reads pairs, measures, prints and writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sources", nargs="+", help="what --source of valuedata takes")
    parser.add_argument("--out", type=Path, required=True, help="JSON file of the result")
    given = parser.parse_args()
    with TemporaryDirectory() as work:
        sources = [resolve_source(name, None) for name in given.sources]
        chosen, rejected = read_sides(read_pairs(sources, Path(work), 1.0, lambda _: None).pairs)
    replies = list(dict.fromkeys(reading.reply for reading in chosen + rejected))
    seconds = []
    for _ in range(N_ROUNDS):
        start = time.process_time()  # of this process alone, whatever else the machine does
        measure_markers(replies)
        seconds.append(time.process_time() - start)
    result = {
        "n_distinct_replies": len(replies),
        "n_characters": sum(map(len, replies)),
        "cpu_seconds": seconds,
        "replies_per_second": round(len(replies) / statistics.median(seconds)),
        "machine": platform.processor() or platform.machine(),
    }
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    print(f"{result['replies_per_second']:,} replies a second")  # noqa: T201


if __name__ == "__main__":
    main()

"""``python -m tests.faults --kills 100``: hurts a Karez again and again and prints a report as JSON."""

import argparse
import random
import signal
import sys
from pathlib import Path

import msgspec

from tests.faults.harness import Plan, run
from tests.faults.provocations import PROVOCATIONS, plan_for


def main() -> int:
    """Run it; returns 1 if anything was not as it must be."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=40, help="how often the system is hurt")
    parser.add_argument(
        "--seed", type=int, default=random.randrange(10_000), help="to throw the same dice again"
    )
    parser.add_argument("--bug", choices=sorted(PROVOCATIONS), help="plant a bug and bring it to light")
    parser.add_argument(
        "--directory", type=Path, help="where the data lies, by default the temporary directory"
    )
    chosen = parser.parse_args()
    # So that what was started is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))
    plan = plan_for(chosen.bug, chosen.seed) if chosen.bug else Plan(chosen.kills, chosen.seed)
    report = run(plan, chosen.directory, lambda line: print(line, file=sys.stderr, flush=True))
    print(msgspec.json.format(msgspec.json.encode(report.figures())).decode())
    return 1 if report.violations else 0


if __name__ == "__main__":
    sys.exit(main())

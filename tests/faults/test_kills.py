"""Whatever is killed under load, and however often: nothing acknowledged is lost, doubled or overdrawn."""

import os
import random
import sys

import pytest

from tests.faults.harness import Plan, run

LONG = os.environ.get("KAREZ_LONG") == "1"
KILL_COUNT = 1_000 if LONG else 40
LIMIT_S = 6 * 3_600 if LONG else 900


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.timeout(LIMIT_S)
def test_nothing_acknowledged_is_lost_doubled_or_overdrawn_over_many_kills() -> None:
    report = run(Plan(KILL_COUNT, seed=random.randrange(10_000)))
    assert report.violations == [], report
    assert report.kill_count == KILL_COUNT
    assert min(report.acknowledged.values()) > 0, report

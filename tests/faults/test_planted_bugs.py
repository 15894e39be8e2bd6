"""The harness is worth something only if it finds what it is made to find."""

import sys

import pytest

from tests.faults.harness import run
from tests.faults.planted.bugs import BUGS
from tests.faults.provocations import PROVOCATIONS, plan_for

TRIES = 4


def test_every_planted_bug_is_provoked() -> None:
    assert PROVOCATIONS.keys() == BUGS.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize("bug", PROVOCATIONS)
def test_a_planted_bug_is_found(bug: str) -> None:
    # Whether a kill falls into the bug's moment is chance, so a short run may miss it once.
    for seed in range(1, TRIES + 1):
        report = run(plan_for(bug, seed))
        found = {violation.rule for violation in report.violations}
        if found & PROVOCATIONS[bug].rules:
            return
    pytest.fail(f"{bug} was not found in {TRIES} runs: {report}")

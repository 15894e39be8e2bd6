"""The harness is worth something only if it finds what it is made to find."""

import sys

import pytest

from tests.faults.harness import run
from tests.faults.planted.bugs import BUGS
from tests.faults.provocations import PROVOCATIONS, plan_for


def test_every_planted_bug_is_provoked() -> None:
    assert PROVOCATIONS.keys() == BUGS.keys()


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.parametrize("bug", PROVOCATIONS)
def test_a_planted_bug_is_found(bug: str) -> None:
    report = run(plan_for(bug, seed=1))
    found = {violation.rule for violation in report.violations}
    assert found & PROVOCATIONS[bug].rules, report

"""Bugs that the harness must find: put into a running Karez from outside, so that its code has no switch for them."""

import os
from pathlib import Path

VARIABLE = "KAREZ_PLANTED_BUG"

_HERE = Path(__file__).parent


def environment(bug: str) -> dict[str, str]:
    """Return the variables that put a bug into a system.

    Args:
        bug: A name out of ``bugs.BUGS``.
    """
    repository = _HERE.parents[2]
    paths = [str(_HERE), str(repository), os.environ.get("PYTHONPATH", "")]
    return {VARIABLE: bug, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

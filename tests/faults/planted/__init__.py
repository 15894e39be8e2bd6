"""What is put into a running Karez from outside: a shorter breath, and bugs that the harness must find."""

import os
from pathlib import Path

VARIABLE = "KAREZ_PLANTED_BUG"

_HERE = Path(__file__).parent


def environment(bug: str = "") -> dict[str, str]:
    """Return the variables that change a system.

    Args:
        bug: A name out of ``bugs.BUGS``; none by default.
    """
    repository = _HERE.parents[2]
    paths = [str(_HERE), str(repository), os.environ.get("PYTHONPATH", "")]
    return {VARIABLE: bug, "PYTHONPATH": os.pathsep.join(filter(None, paths))}

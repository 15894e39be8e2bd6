"""The command line: ``karez up``, ``karez check``, ``karez replay`` and the like.

Every command says what happened and what to do next. What a program may read is one JSON object on the standard
output (``--json``); progress and trouble go to the standard error. Exit codes: 0 done, 1 done and something
does not agree, 2 not done.
"""

import os
import sys

from karez.core.outcomes import Rejected, Unavailable

EXIT_DISAGREES = 1
EXIT_NOT_DONE = 2


def main() -> None:
    """Run the command that the arguments name."""
    from karez.cli.app import app  # here, so that reading the exit codes does not load every command

    try:
        app(prog_name="karez")
    except (Rejected, Unavailable) as refusal:
        print(refusal.sentence, file=sys.stderr)  # noqa: T201 - the command line speaks to a person
        sys.exit(EXIT_NOT_DONE)
    except BrokenPipeError:
        # Whoever read our output has gone; Python would complain once more when it flushes at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(EXIT_NOT_DONE)

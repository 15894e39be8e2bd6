"""Imported by every Python process of a system under test; changes only the bookkeeper and the web processes.

What is changed, and the bug that may be asked for, are put in from outside, so that Karez has no switch for them.
"""

import os
import sys

from tests.faults.planted import VARIABLE

if sys.orig_argv[-2:] == ["process", "bookkeeper"]:
    from tests.faults.short_run import hurry

    hurry()
    name = os.environ.get(VARIABLE)
    if name:
        from tests.faults.planted.bugs import BUGS

        if name in BUGS:
            BUGS[name]()

if sys.orig_argv[-2:-1] == ["process"] and sys.orig_argv[-1].split()[0] == "web":
    name = os.environ.get(VARIABLE)
    if name:
        from tests.faults.planted.payment_bugs import PAYMENT_BUGS

        if name in PAYMENT_BUGS:
            PAYMENT_BUGS[name]()

"""Imported by every Python process of a system under test: puts the bug that is asked for into its bookkeeper."""

import os
import sys

from tests.faults.planted import VARIABLE

name = os.environ.get(VARIABLE)
if name and sys.orig_argv[-2:] == ["process", "bookkeeper"]:
    from tests.faults.planted.bugs import BUGS

    BUGS[name]()

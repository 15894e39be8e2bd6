"""``python -m karez.cli`` is the same as ``karez``."""

from karez.cli import main

main()

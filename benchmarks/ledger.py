"""Claim: the book commits at least 0.75 of plain COPY by CPU and 0.6 by the clock, and 10 x row locks."""

import sys

import msgspec

from karez.bench.ledger import run

if __name__ == "__main__":
    report = run(progress=lambda text: print(text, file=sys.stderr))
    print(msgspec.json.format(msgspec.json.encode(report)).decode())

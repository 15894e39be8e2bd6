"""Claim: durable single transfers over HTTP at 5 times a handler with one transaction each, p99 <= 50 ms;
batches at 100,000 transfers a second for a minute."""

import sys

import msgspec

from karez.bench.transfers_http import run


def main() -> None:
    report = run(rounds=5, seconds=6, batch_seconds=60, progress=lambda text: print(text, file=sys.stderr))
    print(msgspec.json.format(msgspec.json.encode(report)).decode())


if __name__ == "__main__":
    main()

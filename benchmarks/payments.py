"""Claim: an escrow payment and its confirmation, durable, over HTTP: 5,000 payments/s in batches, 1,500/s as single
requests with p99 <= 100 ms, against handlers that lock rows."""

import sys

import msgspec

from karez.bench.payments import run


def main() -> None:
    report = run(progress=lambda text: print(text, file=sys.stderr))
    print(msgspec.json.format(msgspec.json.encode(report)).decode())


if __name__ == "__main__":
    main()

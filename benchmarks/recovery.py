"""Claim: a bookkeeper is back within 5 s for each million transfers since its balance slices.

The yardstick is reading the same transfers out of PostgreSQL with plain COPY.
"""

import statistics
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import msgspec

from karez.bench import ledger
from karez.core.clock import SystemClock
from karez.core.config import Settings
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.slices import SlicePlan
from karez.storage.database import connect, open_database

ROUNDS = 5
TRANSFERS = 1_000_000
_COPY_OUT = "COPY (SELECT * FROM transfer_rows WHERE timestamp_ns > {after_ns}) TO STDOUT (FORMAT BINARY)"


def never_due(_plan: SlicePlan, _transfer_count: int, _account_count: int) -> list[int]:
    """Write no slices: every transfer must be replayed."""
    return []


def main() -> None:
    clock = SystemClock()
    with tempfile.TemporaryDirectory(prefix="karez-bench-") as folder:
        data_dir = Path(folder)
        with ledger.opened(data_dir, lambda text: print(text, file=sys.stderr)) as bench:
            bench.book.write_slices()
            with patch.object(SlicePlan, "due", never_due):
                for _ in range(TRANSFERS // ledger.BATCH):
                    ledger.commit(bench, bench.batch("uniform"))
        recovered_s, copied_s = [], []
        with open_database(Settings(data_dir=data_dir)) as database, connect(database.owner) as plain:
            row = plain.execute("SELECT replay_from_ns FROM book_writer").fetchone()
            assert row is not None
            for round_ in range(ROUNDS):
                print(f"round {round_ + 1} of {ROUNDS}", file=sys.stderr)
                started = time.perf_counter()
                with Bookkeeper(database.book, clock):
                    recovered_s.append(time.perf_counter() - started)
                started = time.perf_counter()
                with (
                    plain.cursor() as cursor,
                    cursor.copy(_COPY_OUT.format(after_ns=row[0]).encode()) as copy,
                ):
                    for _ in copy:
                        pass
                copied_s.append(time.perf_counter() - started)
    recovered, copied = statistics.median(recovered_s), statistics.median(copied_s)
    figures = {
        "transfers": TRANSFERS,
        "accounts": ledger.ACCOUNTS,
        "recovery_s": round(recovered, 2),
        "copy_out_s": round(copied, 2),
        "ratio_to_copy_out": round(recovered / copied, 2),
    }
    print(msgspec.json.encode(figures).decode())


if __name__ == "__main__":
    main()

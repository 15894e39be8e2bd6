"""Durable transfers over HTTP: Karez against a handler that makes one transaction a transfer.

Both serve 256 keep-alive connections that each wait for their answer, in alternating rounds; the servers, both
databases and the load generator share the machine. Then whole batches in columns, 8,000 transfers each.
"""

import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import psycopg

from karez.bench.contest import CONNECTIONS, Servers, both_servers, compare, failures, run_load, run_rounds
from karez.bench.load import http_post
from karez.bench.row_locks_app import TABLES
from karez.bench.servers import Address
from karez.core.ids import new_id

ACCOUNTS = 10_000
BATCH = 8_000
BATCH_CONNECTIONS = 4
_ACCOUNTS_PER_REQUEST = 1_000
_FUNDS = 1_000_000_000
_FILL = "INSERT INTO locked_account SELECT unnest(%s::uuid[]), true, 0, 1000000000000"


@dataclass(frozen=True, slots=True)
class _Contest:
    servers: Servers
    accounts: list[str]


def run(
    rounds: int = 3,
    seconds: float = 4.0,
    batch_seconds: float = 6.0,
    workers: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, object]:
    """Measure single transfers in alternating rounds, then batches.

    Args:
        rounds: Of single transfers; the result gives medians.
        seconds: Length of each.
        batch_seconds: Length of the batch load.
        workers: Web processes of each server.
        progress: Told what is being done.

    Returns:
        Rates, latencies in milliseconds, the ratio, and failures, which must be 0.
    """
    with tempfile.TemporaryDirectory(prefix="karez-bench-") as folder:
        progress("starting both servers")
        with _opened(Path(folder), workers) as contest:
            singles = run_rounds(
                contest.servers,
                lambda _, address: [_singles(contest, address)] * CONNECTIONS,
                rounds,
                seconds,
                progress,
            )
            progress(f"batches of {BATCH:,} for {batch_seconds:.0f} s")
            batches = run_load(contest.servers.karez, [_batches(contest)] * BATCH_CONNECTIONS, batch_seconds)
    return {
        **compare(singles, "requests"),
        "batch_transfers_per_s": round(batches.per_second() * BATCH),
        "batch_seconds": round(batches.seconds, 1),
        "batch_p99_ms": round(batches.percentile_ms(99), 1),
        "failures": failures(singles, batches),
    }


@contextmanager
def _opened(folder: Path, workers: int) -> Iterator[_Contest]:
    accounts = [new_id(time.time_ns()) for _ in range(ACCOUNTS)]

    def fill(connection: psycopg.Connection) -> None:
        connection.execute(_FILL, (accounts,))

    with both_servers(folder, workers, "karez.bench.row_locks_app:app", TABLES, fill) as servers:
        _furnish(servers.karez, accounts)
        yield _Contest(servers, [str(id_) for id_ in accounts])


def _furnish(karez: Address, accounts: list[UUID]) -> None:
    """Create the unit, the accounts, none of which may be overdrawn, and fund them."""
    karez.call("POST", "/v1/units", {"number": 1, "code": "CNY", "exponent": 2, "description": "Yuan"})
    treasury = new_id(time.time_ns())
    karez.call("POST", "/v1/accounts", {"id": str(treasury), "ledger": 1, "code": 1})
    for first in range(0, len(accounts), _ACCOUNTS_PER_REQUEST):
        part = accounts[first : first + _ACCOUNTS_PER_REQUEST]
        karez.call(
            "POST", "/v1/accounts", [{"id": str(id_), "ledger": 1, "code": 1, "flags": 2} for id_ in part]
        )
        columns = {
            "id": [str(new_id(time.time_ns())) for _ in part],
            "debit_account_id": str(treasury),
            "credit_account_id": [str(id_) for id_ in part],
            "amount": _FUNDS,
            "ledger": 1,
            "code": 1,
        }
        karez.call("POST", "/v1/transfers/batch", {"columns": columns})


def _singles(contest: _Contest, address: Address) -> Callable[[], bytes]:
    accounts, pick = contest.accounts, random.Random(1)  # noqa: S311 - no secret

    def make() -> bytes:
        debit, credit = pick.sample(accounts, 2)
        body = (
            f'{{"id":"{new_id(time.time_ns())}","debit_account_id":"{debit}","credit_account_id":"{credit}",'
            '"amount":1,"ledger":1,"code":1}'
        )
        return http_post("/v1/transfers", address.host, body.encode(), address.token)

    return make


def _batches(contest: _Contest) -> Callable[[], bytes]:
    """Return a maker of columnar bodies: the account columns are made once, the ids anew each time."""
    pick = random.Random(2)  # noqa: S311 - no secret
    sides = []
    for _ in range(8):
        pairs = [pick.sample(contest.accounts, 2) for _ in range(BATCH)]
        debit, credit = ('","'.join(pair[side].replace("-", "") for pair in pairs) for side in (0, 1))
        sides.append(f'"debit_account_id":["{debit}"],"credit_account_id":["{credit}"],"amount":1')
    turns, karez = itertools.cycle(sides), contest.servers.karez

    def make() -> bytes:
        first = new_id(time.time_ns()).int & ~0xFFFF
        ids = '","'.join([f"{id_:032x}" for id_ in range(first, first + BATCH)])
        body = f'{{"columns":{{"id":["{ids}"],{next(turns)},"ledger":1,"code":1}}}}'
        return http_post("/v1/transfers/batch", karez.host, body.encode(), karez.token)

    return make

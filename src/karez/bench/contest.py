"""Two servers side by side under the same load, in alternating rounds: Karez, and one that locks rows."""

import asyncio
import statistics
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
import uvloop

from karez.bench.load import LoadResult, load
from karez.bench.servers import Address, karez_server, row_locks_server
from karez.storage.embedded import EmbeddedPostgres

CONNECTIONS = 256


@dataclass(frozen=True, slots=True)
class Servers:
    """Where both listen."""

    karez: Address
    row_locks: Address


@contextmanager
def both_servers(
    folder: Path, workers: int, app: str, tables: Sequence[str], fill: Callable[[psycopg.Connection], None]
) -> Iterator[Servers]:
    """Run both servers, each on a database of its own.

    Args:
        folder: Where their data may be.
        workers: Web processes of each.
        app: The application that locks rows.
        tables: Statements that make its tables.
        fill: Puts rows into them.
    """
    with EmbeddedPostgres(folder / "plain") as plain:
        with psycopg.connect(plain.conninfo(), autocommit=True) as connection:
            for statement in tables:
                connection.execute(statement.encode())
            fill(connection)
        with (
            karez_server(folder / "karez", workers) as karez,
            row_locks_server(plain.conninfo(), workers, app) as row_locks,
        ):
            yield Servers(karez, row_locks)


def run_load(address: Address, makers: Sequence[Callable[[], bytes]], seconds: float) -> LoadResult:
    """Keep one connection for each maker busy for some seconds."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(load(address.host, address.port, makers, seconds))


def run_rounds(
    servers: Servers,
    makers: Callable[[str, Address], Sequence[Callable[[], bytes]]],
    rounds: int,
    seconds: float,
    progress: Callable[[str], None],
) -> dict[str, list[LoadResult]]:
    """Load both servers in turn.

    Args:
        servers: Both.
        makers: Returns the makers of requests for the server of a name.
        rounds: How often.
        seconds: Length of each.
        progress: Told what is being done.

    Returns:
        The results by the server's name.
    """
    results: dict[str, list[LoadResult]] = {"karez": [], "row_locks": []}
    for round_ in range(rounds):
        progress(f"round {round_ + 1} of {rounds}")
        for name, address in (("karez", servers.karez), ("row_locks", servers.row_locks)):
            results[name].append(run_load(address, makers(name, address), seconds))
    return results


def compare(
    results: dict[str, list[LoadResult]], things: str, requests_a_thing: int = 1
) -> dict[str, object]:
    """Return medians over the rounds: rates, latencies of a request, and the ratio of the rates.

    Args:
        results: By the server's name.
        things: What is counted.
        requests_a_thing: How many requests one of them takes.
    """

    def medians(figure: Callable[[LoadResult], float]) -> dict[str, float]:
        return {name: statistics.median(map(figure, rounds)) for name, rounds in results.items()}

    def latency(percent: int) -> dict[str, float]:
        return {name: round(ms, 1) for name, ms in medians(lambda each: each.percentile_ms(percent)).items()}

    rate = medians(lambda result: result.per_second() / requests_a_thing)
    return {
        "connections": CONNECTIONS,
        "rounds": len(results["karez"]),
        f"{things}_per_s": {name: round(value) for name, value in rate.items()},
        "p50_ms": latency(50),
        "p99_ms": latency(99),
        "ratio_to_row_locks": round(rate["karez"] / rate["row_locks"], 2),
    }


def failures(results: dict[str, list[LoadResult]], *others: LoadResult) -> int:
    """Return how many answers were not 2xx."""
    return sum(
        result.failures() for result in [*others, *(each for rounds in results.values() for each in rounds)]
    )

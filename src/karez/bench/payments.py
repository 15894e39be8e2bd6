"""Escrow payments over HTTP: Karez against handlers that lock rows, one transaction each.

A payment is two requests: the buyer pays, and confirms when the answer has come. Both servers serve 256 keep-alive
connections in alternating rounds; the servers, both databases and the load generator share the machine. Then batches:
some hundred payments in one request, and their confirmations in the next.
"""

import asyncio
import itertools
import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from uuid import UUID

import psycopg

from karez.bench.contest import CONNECTIONS, Servers, both_servers, compare, failures, run_load, run_rounds
from karez.bench.load import http_post
from karez.bench.row_locks_payments_app import TABLES
from karez.bench.servers import Address
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation
from karez.parties.people import Kind
from karez.services.asking import Asking
from karez.services.payments.house import Currency, House
from karez.services.payments.trades.operations import Order, order, trade_id
from karez.services.payments.wallets.operations import deposit, open_wallet

BATCH = 500
BATCH_CONNECTIONS = 4
BUYERS = 2_000
SHOPS = 200
PRICE_MINOR = 100
_CURRENCY = "CNY"
_FUNDS_MINOR = 50_000_000
_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class _Deal:
    """A trade that waits for its payment, and who will pay it."""

    trade: UUID
    buyer: UUID


@dataclass(frozen=True, slots=True)
class _Contest:
    servers: Servers
    deals: dict[str, Iterator[_Deal]]


def run(
    rounds: int = 3,
    seconds: float = 6.0,
    batch_seconds: float = 10.0,
    workers: int = 1,
    progress: Callable[[str], None] = lambda _: None,
) -> dict[str, object]:
    """Measure single payments in alternating rounds, then batches.

    Args:
        rounds: Of single payments; the result gives medians.
        seconds: Length of each.
        batch_seconds: Length of the batch load.
        workers: Web processes of each server.
        progress: Told what is being done.

    Returns:
        Payments a second, latencies of a request in milliseconds, the ratio, and failures, which must be 0.
    """
    deals_of_a_round = round(4_000 * seconds)
    deals_of_batches = round(12_000 * batch_seconds)
    with tempfile.TemporaryDirectory(prefix="karez-bench-") as folder:
        progress("starting both servers, ordering trades")
        with _opened(Path(folder), workers, rounds * deals_of_a_round, deals_of_batches) as contest:
            singles = run_rounds(
                contest.servers,
                lambda name, address: [_single(contest, name, address) for _ in range(CONNECTIONS)],
                rounds,
                seconds,
                progress,
            )
            progress(f"batches of {BATCH:,} for {batch_seconds:.0f} s")
            makers = [_batches(contest) for _ in range(BATCH_CONNECTIONS)]
            batches = run_load(contest.servers.karez, makers, batch_seconds)
    return {
        **compare(singles, "payments", requests_a_thing=2),
        "batch": BATCH,
        "batch_payments_per_s": round(batches.per_second() * BATCH / 2),
        "batch_p99_ms": round(batches.percentile_ms(99), 1),
        "failures": failures(singles, batches),
    }


@contextmanager
def _opened(folder: Path, workers: int, single_count: int, batch_count: int) -> Iterator[_Contest]:
    buyers = [new_id(time.time_ns()) for _ in range(BUYERS)]
    shops = [new_id(time.time_ns()) for _ in range(SHOPS)]
    pick = random.Random(3)  # noqa: S311 - no secret
    orders = [(pick.choice(shops), f"order-{n}") for n in range(single_count + batch_count)]
    deals = [_Deal(trade_id(*each), pick.choice(buyers)) for each in orders]
    fill = partial(_fill_row_locks, [*buyers, *shops], orders[:single_count])
    with both_servers(folder, workers, "karez.bench.row_locks_payments_app:app", TABLES, fill) as servers:
        karez = servers.karez
        karez.call("POST", "/v1/payment-currencies", {"currency": _CURRENCY})
        karez.call("POST", "/v1/clearing-accounts", {"institution": 1, "currency": _CURRENCY})
        # Thirty payments a minute are what people may make; each of these buyers makes more every second.
        no_rules = {"version": 0, "rules": {}, "note": "To measure without rules against fraud."}
        karez.call("PUT", "/v1/fraud/rules", no_rules, str(new_id(time.time_ns())))
        for kind, parties in (("people", buyers), ("shops", shops)):
            for party in parties:
                karez.call("POST", f"/v1/{kind}", {"id": str(party), "name": "Bench"})
        socket = (folder / "karez" / "run" / "socket").resolve() / "bookkeeper"
        asyncio.run(_furnish(socket, karez, buyers, shops, orders))
        yield _Contest(
            servers,
            {
                "karez": iter(deals[:single_count]),
                "row_locks": iter(deals[:single_count]),
                "batches": iter(deals[single_count:]),
            },
        )


def _fill_row_locks(
    parties: list[UUID], orders: list[tuple[UUID, str]], connection: psycopg.Connection
) -> None:
    connection.execute("INSERT INTO locked_wallet SELECT unnest(%s::uuid[]), %s", (parties, _FUNDS_MINOR))
    connection.execute(
        "INSERT INTO locked_trade SELECT id, shop, NULL, %s, 'created'"
        " FROM unnest(%s::uuid[], %s::uuid[]) u (id, shop)",
        (PRICE_MINOR, [trade_id(*each) for each in orders], [shop for shop, _ in orders]),
    )


async def _furnish(
    socket: Path, karez: Address, buyers: list[UUID], shops: list[UUID], orders: list[tuple[UUID, str]]
) -> None:
    """Open wallets, pay money in, and order, straight at the bookkeeper."""
    house = _house(karez)
    book = BookClient(socket)
    makers: list[Callable[[Asking], Operation]] = [
        *(partial(_wallet, house, buyer, "person") for buyer in buyers),
        *(partial(_wallet, house, shop, "shop") for shop in shops),
    ]
    await _carry_out(book, makers)
    await _carry_out(book, [partial(_money, house, buyer) for buyer in buyers])
    await _carry_out(book, [partial(_order, house, shop, reference) for shop, reference in orders])
    book.close()


def _house(karez: Address) -> House:
    units = {unit["code"]: unit["number"] for unit in karez.read("/v1/units")["items"]}
    institutions = {each["code"]: each["number"] for each in karez.read("/v1/institutions")["items"]}
    currency = Currency(
        _CURRENCY, 2, units[_CURRENCY], units[f"LIMIT:{_CURRENCY}"], units[f"REFUNDABLE:{_CURRENCY}"]
    )
    return House(institutions["payments"], {_CURRENCY: currency})


def _wallet(house: House, party: UUID, kind: Kind, asking: Asking) -> Operation:
    # Known in full, so that no limit of 24 hours ends the measurement.
    return open_wallet(asking, house, party, kind, _CURRENCY, "full")


def _money(house: House, buyer: UUID, asking: Asking) -> Operation:
    return deposit(asking, house, 1, buyer, _CURRENCY, _FUNDS_MINOR)


def _order(house: House, shop: UUID, reference: str, asking: Asking) -> Operation:
    new = Order(reference, "Bench", "goods", "escrow", _CURRENCY, PRICE_MINOR, None)
    return order(asking, house, shop, new)


async def _carry_out(book: BookClient, makers: list[Callable[[Asking], Operation]]) -> None:
    for first in range(0, len(makers), _AT_ONCE):
        now_ns = time.time_ns()
        operations = [
            make(Asking(new_id(now_ns), "bench", b"", now_ns)) for make in makers[first : first + _AT_ONCE]
        ]
        outcomes = await book.submit_many(operations)
        refused = [outcome for outcome in outcomes if not outcome.accepted]
        assert not refused, refused[:1]


def _single(contest: _Contest, name: str, address: Address) -> Callable[[], bytes]:
    """Return what pays one trade after another on one connection, each in two requests."""
    deals = contest.deals[name]
    actions = itertools.cycle(("pay", "confirm"))
    deal = _Deal(UUID(int=0), UUID(int=0))

    def make() -> bytes:
        nonlocal deal
        action = next(actions)
        if action == "pay":
            deal = next(deals)
        body = b"" if name == "karez" else f'{{"party":"{deal.buyer}"}}'.encode()
        headers = f"Acting-For: {deal.buyer}\r\nIdempotency-Key: {new_id(time.time_ns())}\r\n"
        return http_post(f"/v1/trades/{deal.trade}/{action}", address.host, body, address.token, headers)

    return make


def _batches(contest: _Contest) -> Callable[[], bytes]:
    actions = itertools.cycle(("pay", "confirm"))
    deals: list[_Deal] = []
    karez = contest.servers.karez

    def make() -> bytes:
        nonlocal deals
        action = next(actions)
        if action == "pay":
            deals = list(itertools.islice(contest.deals["batches"], BATCH))
            assert len(deals) == BATCH, "more trades must be ordered for this measurement"
        steps = ",".join(
            f'{{"id":"{new_id(time.time_ns())}","action":"{action}","trade":"{deal.trade}","party":"{deal.buyer}"}}'
            for deal in deals
        )
        return http_post("/v1/trades/batch", karez.host, f"[{steps}]".encode(), karez.token)

    return make

"""Sixty-four tills scan one code at once, twenty times over: it pays once."""

import asyncio
import random
from collections.abc import Sequence
from pathlib import Path
from uuid import UUID

from karez.core.clock import SystemClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.client import BookClient
from karez.ledger.model import Balance
from karez.ledger.operations import Operation, Outcome
from karez.services.payments import accounts
from karez.services.payments.qr import operations
from karez.services.payments.qr.pay_codes import fingerprints, pay_code, sealer
from karez.services.payments.qr.records import PayCode, find_pay_code
from karez.services.payments.trades.operations import Order
from karez.services.payments.wallets.records import Wallet
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.channels.api.living import bookkeeper
from tests.conftest import SECRET_KEY
from tests.services.payments.qr.street import Street

TILLS = 64
SEEDS = 20
BALANCE_MINOR = 1_000_000

CODES = sealer(SECRET_KEY)


def scans(street: Street, shops: Sequence[UUID], payer: Wallet, code: PayCode, seed: int) -> list[Operation]:
    """What the tills ask for: each another sale, and some of them twice because they got no answer."""
    chance = random.Random(seed)
    made = []
    for till in range(TILLS):
        amount_minor = chance.randrange(1, 10_000)
        new = Order(f"sale-{seed}-{till}", "Tea", "service", "direct", "CNY", amount_minor, None)
        asking = street.asking()
        made += [operations.charge(asking, street.house, chance.choice(shops), new, code, payer)]
        made += made[-1:] * chance.randrange(2)
    chance.shuffle(made)
    return made


async def all_at_once(
    socket_path: Path, made: Sequence[Operation], wallet: UUID
) -> tuple[list[Outcome], Balance]:
    """Send everything at once, and read the wallet when all are answered."""
    client = BookClient(socket_path)
    try:
        outcomes = await asyncio.gather(*(client.submit(each) for each in made))
        (balance,) = await client.balances([wallet])
        assert balance is not None
        return list(outcomes), balance
    finally:
        client.close()


def read_code(database: Database, request: UUID) -> PayCode:
    with connect(database.web) as conn, as_operator(conn):
        return find_pay_code(conn, fingerprints(CODES, pay_code(CODES, request)))


def paid_trades(database: Database, payer: UUID) -> list[tuple[UUID, int]]:
    with connect(database.owner) as conn:
        return conn.execute("SELECT id, amount_minor FROM trade WHERE buyer = %s", (payer,)).fetchall()


def test_a_code_that_many_tills_scan_at_once_pays_once(database: Database, tmp_path: Path) -> None:
    clock = SystemClock()
    with Bookkeeper(database.book, clock) as book:
        street = Street(database, book, clock)
        shops = [street.shop().shop for _ in range(4)]
        payers = [street.person(BALANCE_MINOR) for _ in range(SEEDS)]
        requests = [street.asking() for _ in payers]
        for payer, request in zip(payers, requests, strict=True):
            street.done(operations.make_pay_code(request, CODES, payer.party))
    with bookkeeper(database, tmp_path / "book"):
        for seed, (payer, request) in enumerate(zip(payers, requests, strict=True)):
            made = scans(street, shops, payer, read_code(database, request.id), seed)
            wallet = accounts.wallet(payer.party, "CNY")
            outcomes, balance = asyncio.run(all_at_once(tmp_path / "book", made, wallet))
            ((trade, amount_minor),) = paid_trades(database, payer.party)
            accepted = [each for each in outcomes if each.accepted]
            assert len({bytes(each.reply) for each in accepted}) == 1
            assert sum(not each.repeated for each in accepted) == 1
            assert {each.code for each in outcomes if not each.accepted} == {"row_state_changed"}
            assert balance.debits_posted == amount_minor
            assert read_code(database, request.id).trade == trade

"""The small economy on which the load works: a mint, wallets that must not be overdrawn, and many shops."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.model import AccountFlags, NewAccount
from karez.ledger.operations import Operation
from karez.parties import credentials, institutions
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

CNY, COUPON = 1, 2
EFFECT_TABLE = "fault_effect"

_SHOP_COUNT = 3_000
_WALLET_COUNT = 4
_TOKEN_LIFE_NS = 30 * 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class World:
    """What the clients know.

    Attributes:
        institution: Number of the bank to which every account belongs.
        token: Its API credential.
        mint: Account in CNY without a limit, from which all money comes.
        wallets: Accounts in CNY that never spend more than they got.
        shops: Accounts in CNY without a limit; enough of them to fill several balance slices.
        press: Account in COUPON without a limit.
        budget: Account in COUPON that never spends more than it got.
        holder: Account in COUPON without a limit.
    """

    institution: int
    token: str
    mint: UUID
    wallets: tuple[UUID, ...]
    shops: tuple[UUID, ...]
    press: UUID
    budget: UUID
    holder: UUID

    @property
    def limited(self) -> frozenset[UUID]:
        """The accounts whose debits must not exceed their credits."""
        return frozenset((*self.wallets, self.budget))

    @property
    def units(self) -> dict[UUID, int]:
        """The unit of every account."""
        coupon = dict.fromkeys((self.press, self.budget, self.holder), COUPON)
        return dict.fromkeys((self.mint, *self.wallets, *self.shops), CNY) | coupon


async def make_world(database: Database, book: BookClient) -> World:
    """Found the bank, its units, its credential, its accounts, and the table that operations write to."""
    institution, token = _found_bank(database)
    now_ns = SystemClock().now_ns()
    ids = [new_id(now_ns) for _ in range(_SHOP_COUNT + _WALLET_COUNT + 4)]
    # Scattered, so that a balance slice that is behind is noticed wherever it lies.
    random.Random(1).shuffle(ids)
    mint, press, budget, holder, *rest = ids
    wallets, shops = rest[:_WALLET_COUNT], rest[_WALLET_COUNT:]
    world = World(institution, token, mint, tuple(wallets), tuple(shops), press, budget, holder)
    accounts = [_account(world, id_, unit) for id_, unit in sorted(world.units.items())]
    for first in range(0, len(accounts), 1_000):
        outcome = await book.submit(_opening(accounts[first : first + 1_000]))
        assert outcome.accepted, outcome
    return world


def _found_bank(database: Database) -> tuple[int, str]:
    now_ns = SystemClock().now_ns()
    with connect(database.web) as conn, as_operator(conn):
        number = institutions.register(conn, "fault-bank", "Fault Bank", "bank", now_ns).number
        scopes = [Permission.LEDGER_READ, Permission.LEDGER_WRITE]
        owner = Owner(institution=number)
        token = credentials.issue(conn, owner, scopes, "load", now_ns + _TOKEN_LIFE_NS, now_ns)
        conn.execute(
            "INSERT INTO unit VALUES (%s, 'CNY', 2, 'Yuan', 0), (%s, 'COUPON:faults', 0, 'Coupon', 0)",
            (CNY, COUPON),
        )
    with connect(database.owner) as conn:
        conn.execute(
            f"CREATE TABLE {EFFECT_TABLE} (id uuid PRIMARY KEY, operation_id uuid NOT NULL, amount bigint)"
        )
        conn.execute(f"GRANT SELECT, INSERT ON {EFFECT_TABLE} TO karez_bookkeeper")
    return number, str(token)


def _account(world: World, id_: UUID, unit: int) -> NewAccount:
    limit = AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS if id_ in world.limited else 0
    return NewAccount(id=id_, ledger=unit, code=1, institution=world.institution, flags=int(limit))


def _opening(accounts: Sequence[NewAccount]) -> Operation:
    return Operation(
        id=new_id(SystemClock().now_ns()),
        kind="fault.open",
        actor="fault tests",
        fingerprint=b"open",
        reply=msgspec.Raw(b"{}"),
        accounts=tuple(accounts),
    )

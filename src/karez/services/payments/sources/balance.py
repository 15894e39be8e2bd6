"""The payer's wallet as a source: it gives what is in it, and takes back what it gave."""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House
from karez.services.payments.sources.door import Drawn, Source, TakenBack, TakingBack
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade

KIND = "balance"


@dataclass(frozen=True, slots=True)
class BalanceFunds:
    """What is in the payer's wallet.

    Attributes:
        account: The wallet's.
    """

    account: UUID

    @property
    def counted_in(self) -> UUID:
        """Return the wallet's account."""
        return self.account

    def most_minor(self, _now_ns: int, left_minor: int, available_minor: int | None, /) -> int:
        """Return what is in the wallet."""
        return left_minor if available_minor is None else available_minor

    def draw(self, _asking: Asking, _house: House, _number: int, amount_minor: int, /) -> Drawn:
        """Return the leg from the wallet."""
        return Drawn(Leg(source=KIND, account=self.account, amount_minor=amount_minor))


def _read(_conn: psycopg.Connection, trade: Trade, payer: UUID, _reference: str) -> BalanceFunds:
    return BalanceFunds(accounts.wallet(payer, trade.currency))


def _take_back(taking: TakingBack) -> TakenBack:
    return TakenBack(taking.leg.account)


BALANCE = Source(_read, _take_back, is_plain=True)

"""The door through which a source of money takes part in payments.

A source reads what it knows of the payer, says how much it can give, and is drawn upon. When money goes back, it says
to which account and what else that means. A service that brings a source, such as a credit line or a money fund,
writes a ``Funds`` of its own and puts its ``Source`` into ``registry.SOURCES``.

    class CreditFunds:
        counted_in = the account of what is left of the credit line
        most_minor: what is left of it, if the credit is in good standing
        draw: a leg from the lender's account, preceded by the transfer that uses the credit line

Every transfer and row of a source is a part of the one operation that pays: all of it happens or nothing. Where one
of the sources is a bank's (``banked.BankFunds``), its answer takes time: the others are reserved until then, and
taken back by ``take_back`` as a whole if the bank declines (see ``asking_bank``).
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

import psycopg

from karez.ledger.model import Transfer
from karez.ledger.operations import RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.banks.records import BankChoice
from karez.services.payments.house import House
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade


@dataclass(frozen=True, slots=True)
class Wanted:
    """One entry of the payer's list.

    Attributes:
        kind: Of the source.
        reference: The source's own name for what is used, such as a coupon's id; empty where there is only one.
    """

    kind: str
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Collecting:
    """A part of a payment that a bank is asked for.

    Attributes:
        bank: Which bank.
        reference: What the bank calls the payer's card or account; empty where the payer chooses at the bank's page.
        page_url: The bank's page on which the payer confirms it; ``None`` where there is none.
        return_url: Where that page sends the payer's browser in the end.
    """

    bank: BankChoice
    reference: str
    page_url: str | None = None
    return_url: str | None = None


@dataclass(frozen=True, slots=True)
class Drawn:
    """What it means that a source gives an amount.

    Attributes:
        leg: The part of the payment.
        before: Transfers that bring the money to the leg's account first, or use a limit of the source.
        rows: What the source records.
        collecting: Whom to ask for it, where a bank must be asked first; what it means for the source if the bank
            declines is said by ``Source.let_go``.
    """

    leg: Leg
    before: tuple[Transfer, ...] = ()
    rows: tuple[RowInsert | RowUpdate, ...] = ()
    collecting: Collecting | None = None


class Funds(Protocol):
    """What one source can give to one payment, as it was read."""

    @property
    def counted_in(self) -> UUID | None:
        """The account whose balance is all that it can give; ``None`` where the amount is known by itself."""

    def most_minor(self, now_ns: int, left_minor: int, available_minor: int | None, /) -> int:
        """Return how much it gives at most, or refuse to take part.

        Args:
            now_ns: The present moment.
            left_minor: What the sources before it leave to be paid.
            available_minor: What can be spent of the account ``counted_in``; ``None`` for the last source of a
                list, which must give all that is left: the book refuses what is not there.
        """

    def draw(self, asking: Asking, house: House, number: int, amount_minor: int, /) -> Drawn:
        """Return what it means that it gives so much.

        Args:
            asking: The payer's request.
            house: The payment house.
            number: Place in the list, for ids.
            amount_minor: At most what ``most_minor`` returned.
        """


@dataclass(frozen=True, slots=True)
class TakingBack:
    """Money on its way back to where it came from.

    Attributes:
        asking: The request.
        house: The payment house.
        trade: What was paid.
        number: Place of the leg in the payment.
        leg: The part of the payment.
        before_minor: How much of it has gone back before.
        amount_minor: How much of it goes back now.
        is_all: Whether with this the whole payment has gone back.
    """

    asking: Asking
    house: House
    trade: Trade
    number: int
    leg: Leg
    before_minor: int
    amount_minor: int
    is_all: bool


@dataclass(frozen=True, slots=True)
class TakenBack:
    """What it means that money goes back to a source.

    Attributes:
        account: Where it goes.
        after: Transfers that follow.
        rows: What the source records.
    """

    account: UUID
    after: tuple[Transfer, ...] = ()
    rows: tuple[RowInsert | RowUpdate, ...] = ()


@dataclass(frozen=True, slots=True)
class Declined:
    """A part of a payment that a bank has declined.

    Attributes:
        asking: The bank's decision.
        asked: The operation by which the bank was asked.
        asked_ns: When that was.
        number: Place of the leg in the payment.
        leg: The part.
    """

    asking: Asking
    asked: UUID
    asked_ns: int
    number: int
    leg: Leg


def nothing_to_let_go(_declined: Declined) -> tuple[Transfer, ...]:
    """Return no transfers: the source has reserved nothing of its own while its bank was asked."""
    return ()


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of source.

    Attributes:
        read: Reads what it can give to the payer of a trade, with the payer's rights:
            ``read(connection, trade, payer, reference)``; may reject.
        take_back: Says where money goes back.
        is_plain: Whether going back means nothing but the money: then the refunds of a payment from this source
            alone need not know of each other.
        let_go: Where a bank is asked: what ends when it declines, such as the use of a card's limit.
    """

    read: Callable[[psycopg.Connection, Trade, UUID, str], Funds]
    take_back: Callable[[TakingBack], TakenBack]
    is_plain: bool = False
    let_go: Callable[[Declined], tuple[Transfer, ...]] = nothing_to_let_go

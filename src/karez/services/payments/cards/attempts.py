"""How often somebody may begin to bind a card in 24 hours, so that card numbers cannot be tried out on a bank.

It is an account of the book for each party, opened and filled by the first attempt. Each attempt reserves 1 there for
24 hours, and gets it back at once if the card is bound: what the holder has proven was no guess. So however many are
made at once, banks hear of no more challenges than there is room for.

Worked example: at 09:00 somebody tries ten numbers that no bank knows, and at 10:00 an eleventh, which is refused.
From 09:00 of the next day on there is room again.

The account is in the unit of limits of the currency of the first attempt, and counts attempts in every currency.
"""

from typing import Any
from uuid import UUID

import psycopg

from karez.core.ids import derived_id
from karez.ledger.model import NewAccount, Transfer
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.cards.records import Card
from karez.services.payments.house import DEBITS_LIMITED, House
from karez.services.payments.wallets.limits import day_use, day_use_ends, limit_moves

ATTEMPTS_MAX = 10

_CURRENCY = """
SELECT split_part(u.code, ':', 2) FROM account a JOIN unit u ON u.number = a.ledger WHERE a.id = %s
"""


def currency_of_attempts(conn: psycopg.Connection[Any], party: UUID) -> str | None:
    """Return in which currency's unit the attempts of a party are counted; ``None`` before the first one.

    Args:
        conn: In a transaction of the party.
        party: Who binds cards.
    """
    row = conn.execute(_CURRENCY, (accounts.card_attempts(party),)).fetchone()
    return None if row is None else str(row[0])


def count_attempt(
    asking: Asking, house: House, party: UUID, binding: UUID, first: str, counted_in: str | None
) -> tuple[tuple[NewAccount, ...], tuple[Transfer, ...]]:
    """Return what counts an attempt to bind a card, and opens the account if it is the party's first.

    In the book it is refused with ``exceeds_credits`` where all attempts are used up, and with ``account_exists``
    where another one has just opened the account.

    Args:
        asking: The holder's request.
        house: The payment house.
        party: Who binds the card.
        binding: The challenge that begins.
        first: Currency in whose unit attempts are counted if this is the first one.
        counted_in: From ``currency_of_attempts``.

    Rejections: ``currency_not_open``.
    """
    currency = house.currency(counted_in or first)
    account, pool = accounts.card_attempts(party), accounts.limit_pool(currency.code)
    use = day_use(_use_of(binding), account, pool, 1, currency.limit, TransferCode.CARD_ATTEMPT_USE)
    if counted_in is not None:
        return (), (use,)
    opened = house.account(
        account, currency.limit, AccountCode.CARD_ATTEMPTS, flags=DEBITS_LIMITED, party=party
    )
    granted = limit_moves(
        asking.made_id("card attempts"),
        account,
        pool,
        ATTEMPTS_MAX,
        currency.limit,
        TransferCode.CARD_ATTEMPT_GRANT,
    )
    return (opened,), (*granted, use)


def attempt_was_right(asking: Asking, card: Card) -> tuple[Transfer, ...]:
    """Return the transfer that gives the attempt back by which a card is bound now."""
    return day_use_ends(asking.made_id("card attempt"), _use_of(card.binding), card.asked_ns, asking.now_ns)


def _use_of(binding: UUID) -> UUID:
    return derived_id(binding, "card attempt")

"""What must always be true between the records of payments and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.agreements import invariants as agreements
from karez.services.payments.banks import invariants as banks
from karez.services.payments.bills import invariants as bills
from karez.services.payments.cards import invariants as cards
from karez.services.payments.holds import invariants as holds
from karez.services.payments.qr import invariants as qr
from karez.services.payments.reconciliation import invariants as reconciliation
from karez.services.payments.redpackets import invariants as red_packets
from karez.services.payments.settlement import invariants as settlement
from karez.services.payments.transfers import invariants as transfers

_ESCROW = """
SELECT coalesce(held.currency, kept.currency), format(
    'Escrow in %%s holds %%s, but the open trades hold %%s minor units.', coalesce(held.currency, kept.currency),
    coalesce(kept.amount, 0), coalesce(held.amount, 0)
)
FROM (SELECT currency, sum(held_minor) AS amount FROM trade WHERE held_minor > 0 GROUP BY 1) held
FULL JOIN (
    SELECT u.code AS currency, sum(l.credits_posted - l.debits_posted) AS amount
    FROM account a JOIN unit u ON u.number = a.ledger JOIN transfer_leg l ON l.account = a.id
    WHERE a.code = %(escrow)s GROUP BY 1
) kept ON kept.currency = held.currency
WHERE coalesce(held.amount, 0) <> coalesce(kept.amount, 0)
"""

_TAKEN_ONCE = """
SELECT coalesce(paid.currency, moved.currency), format(
    'Buyers paid %%s in %%s, but the trades that were paid cost %%s minor units.', coalesce(moved.amount, 0),
    coalesce(paid.currency, moved.currency), coalesce(paid.amount, 0)
)
FROM (SELECT currency, sum(amount_minor) AS amount FROM trade WHERE paid_ns IS NOT NULL GROUP BY 1) paid
FULL JOIN (
    SELECT u.code AS currency, sum(t.amount) AS amount FROM transfer t JOIN unit u ON u.number = t.ledger
    WHERE t.code = %(payment)s AND t.flags & 10 = 0 GROUP BY 1
) moved ON moved.currency = paid.currency
WHERE coalesce(paid.amount, 0) <> coalesce(moved.amount, 0)
"""

_OVER = """
SELECT id, format('Trade %s is %s, but %s minor units of it are still in escrow.', id, state, held_minor)
FROM trade WHERE held_minor > 0 AND state IN ('created', 'paying', 'closed', 'finished', 'returned')
"""

_WALLETS = """
SELECT w.party, format('The wallet of %%s in %%s has no account in the book.', w.party, w.currency)
FROM wallet w WHERE NOT EXISTS (
    SELECT FROM account a JOIN unit u ON u.number = a.ledger
    WHERE a.party = w.party AND a.code = %(wallet)s AND u.code = w.currency
)
"""


def escrow_holds_what_open_trades_hold(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency the escrow account has the sum of what open trades hold."""
    return find_violations(connection, _ESCROW, {"escrow": AccountCode.ESCROW})


def every_payment_is_taken_once(connection: psycopg.Connection[Any]) -> list[Violation]:
    """In every currency buyers have paid what the trades that were paid cost, once."""
    return find_violations(connection, _TAKEN_ONCE, {"payment": TransferCode.PAYMENT})


def ended_trades_hold_nothing(connection: psycopg.Connection[Any]) -> list[Violation]:
    """A trade that is over, or was never paid, has nothing in escrow."""
    return find_violations(connection, _OVER)


def every_wallet_has_its_account(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What is called a wallet can be found in the book."""
    return find_violations(connection, _WALLETS, {"wallet": AccountCode.WALLET})


INVARIANTS: Sequence[Invariant] = (
    escrow_holds_what_open_trades_hold,
    every_payment_is_taken_once,
    ended_trades_hold_nothing,
    every_wallet_has_its_account,
    *holds.INVARIANTS,
    *agreements.INVARIANTS,
    *bills.INVARIANTS,
    *transfers.INVARIANTS,
    *red_packets.INVARIANTS,
    *qr.INVARIANTS,
    *cards.INVARIANTS,
    *banks.INVARIANTS,
    *settlement.INVARIANTS,
    *reconciliation.INVARIANTS,
)

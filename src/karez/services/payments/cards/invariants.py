"""What must always be true between cards, the vault, and the book."""

from collections.abc import Sequence
from typing import Any

import psycopg

from karez.ledger.invariants import Invariant
from karez.ledger.invariants.violations import Violation, find_violations
from karez.services.payments.accounts import TransferCode
from karez.services.payments.wallets.limits import DAY_S

_FUNDED = """
SELECT c.id, format(
    'The card %s may pay %s minor units in 24 hours, but its limit in the book is %s.',
    c.id, c.day_max_minor, coalesce(given.amount, 0)
)
FROM card c
LEFT JOIN LATERAL (
    SELECT sum(l.credits_posted - l.debits_posted) AS amount FROM transfer_leg l WHERE l.account = c.limit_account
) given ON true
WHERE c.first_bound_ns IS NOT NULL AND coalesce(given.amount, 0) <> c.day_max_minor
"""

_ASKED = """
SELECT a.trade, a.instruction, a.asked, a.state, a.asked_ns, a.ended_ns, leg.value ->> 'amount_minor' AS amount
FROM payment_attempt a
CROSS JOIN LATERAL (SELECT a.legs::jsonb -> a.bank_leg AS value) leg
WHERE leg.value ->> 'source' = 'card'
"""

_USED = f"""
WITH asked AS ({_ASKED})
SELECT coalesce(asked.trade, used.operation_id), CASE
    WHEN asked.trade IS NULL THEN format(
        'The operation %%s uses a limit of a card, but no card was asked.', used.operation_id
    )
    ELSE format(
        'A card was asked for %%s minor units of trade %%s, but %%s were taken out of its limit of 24 hours.',
        asked.amount, asked.trade, coalesce(used.amount, 0)
    )
END
FROM asked
FULL JOIN (
    SELECT operation_id, sum(amount) AS amount FROM transfer WHERE code = %(use)s AND flags & 2 <> 0 GROUP BY 1
) used ON used.operation_id = asked.asked
WHERE asked.amount::numeric IS DISTINCT FROM used.amount
"""  # noqa: S608 - a query of our own

# A decline so late that the limit comes back by itself leaves that to the book.
_GIVEN_BACK = f"""
WITH asked AS ({_ASKED})
SELECT asked.trade, format(
    'The bank has declined to pay trade %%s from a card, but the card''s limit of 24 hours is still used for it.',
    asked.trade
)
FROM asked
JOIN transfer used ON used.operation_id = asked.asked AND used.code = %(use)s AND used.flags & 2 <> 0
WHERE asked.state = 'declined' AND asked.ended_ns < asked.asked_ns + %(kept_ns)s
    AND NOT EXISTS (SELECT FROM settlement s WHERE s.pending_id = used.id)
"""  # noqa: S608 - a query of our own

_KEPT = """
SELECT c.id, format('The card %s is %s, but its number is not in the vault.', c.id, c.state)
FROM card c
WHERE c.state IN ('asked', 'bound') AND NOT EXISTS (
    SELECT FROM card_number n WHERE n.party = c.party AND n.token = c.id AND n.sealed IS NOT NULL
)
"""

_MARGIN_S = 60


def cards_have_the_limit_that_they_name(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What may be paid with a card in 24 hours is what its account in the book was given."""
    return find_violations(connection, _FUNDED)


def card_payments_use_the_limit_of_their_card(connection: psycopg.Connection[Any]) -> list[Violation]:
    """Whoever was asked for money by card has used as much of the card's limit, and nobody else has."""
    return find_violations(connection, _USED, {"use": TransferCode.CARD_LIMIT_USE})


def declined_card_payments_give_the_limit_back(connection: psycopg.Connection[Any]) -> list[Violation]:
    """What a bank has declined to pay takes nothing of the card's limit any more."""
    kept_ns = (DAY_S - _MARGIN_S) * 1_000_000_000
    return find_violations(connection, _GIVEN_BACK, {"use": TransferCode.CARD_LIMIT_USE, "kept_ns": kept_ns})


def numbers_of_cards_in_use_are_in_the_vault(connection: psycopg.Connection[Any]) -> list[Violation]:
    """A card that is bound, or waits for its code, has a number in the vault."""
    return find_violations(connection, _KEPT)


INVARIANTS: Sequence[Invariant] = (
    cards_have_the_limit_that_they_name,
    card_payments_use_the_limit_of_their_card,
    declined_card_payments_give_the_limit_back,
    numbers_of_cards_in_use_are_in_the_vault,
)

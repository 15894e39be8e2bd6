"""Balances at any moment, of one account, of many, or summed up to a trial balance."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from karez.ledger.model import Balance
from karez.ledger.questions import Question

_NOW = 2**63 - 1

# Last entry up to the moment, and what the transfers after the watermark add to it.
_BALANCES = """
SELECT a.id,
    coalesce(e.debits_pending, 0) + coalesce(t.debits_pending, 0)::bigint,
    coalesce(e.debits_posted, 0) + coalesce(t.debits_posted, 0)::bigint,
    coalesce(e.credits_pending, 0) + coalesce(t.credits_pending, 0)::bigint,
    coalesce(e.credits_posted, 0) + coalesce(t.credits_posted, 0)::bigint
FROM account a
LEFT JOIN LATERAL (
    SELECT * FROM account_entry
    WHERE account = a.id AND timestamp_ns <= least(%(at_ns)s::bigint, %(watermark_ns)s::bigint)
    ORDER BY timestamp_ns DESC LIMIT 1
) e ON true
LEFT JOIN (
    SELECT account, sum(debits_pending) AS debits_pending, sum(debits_posted) AS debits_posted,
        sum(credits_pending) AS credits_pending, sum(credits_posted) AS credits_posted
    FROM transfer_leg
    WHERE (debit_account = ANY(%(accounts)s) OR credit_account = ANY(%(accounts)s))
        AND account = ANY(%(accounts)s) AND timestamp_ns > %(watermark_ns)s AND timestamp_ns <= %(at_ns)s
    GROUP BY account
) t ON t.account = a.id
WHERE a.id = ANY(%(accounts)s)
"""
_TRIAL_BALANCE = """
WITH entry AS (
    SELECT a.ledger, e.debits_pending, e.debits_posted, e.credits_pending, e.credits_posted
    FROM account a
    CROSS JOIN LATERAL (
        SELECT * FROM account_entry
        WHERE account = a.id AND timestamp_ns <= least(%(at_ns)s::bigint, %(watermark_ns)s::bigint)
        ORDER BY timestamp_ns DESC LIMIT 1
    ) e
    WHERE a.institution = %(institution)s OR %(institution)s::integer IS NULL
), tail AS (
    SELECT a.ledger, l.debits_pending, l.debits_posted, l.credits_pending, l.credits_posted
    FROM transfer_leg l JOIN account a ON a.id = l.account
    WHERE l.timestamp_ns > %(watermark_ns)s AND l.timestamp_ns <= %(at_ns)s
        AND (a.institution = %(institution)s OR %(institution)s::integer IS NULL)
)
SELECT ledger, sum(debits_pending)::numeric, sum(debits_posted)::numeric,
    sum(credits_pending)::numeric, sum(credits_posted)::numeric
FROM (SELECT * FROM entry UNION ALL SELECT * FROM tail) moved
GROUP BY ledger ORDER BY ledger
"""


class TrialBalanceLine(msgspec.Struct, frozen=True, kw_only=True):
    """One unit's totals over all accounts.

    Attributes:
        ledger: Number of the unit.
        debits_pending: Reserved on the debit side, in minor units.
        debits_posted: Moved on the debit side.
        credits_pending: Reserved on the credit side.
        credits_posted: Moved on the credit side.
    """

    ledger: int
    debits_pending: int
    debits_posted: int
    credits_pending: int
    credits_posted: int

    @property
    def is_balanced(self) -> bool:
        """Whether debits equal credits, as they must over all institutions together."""
        return self.debits_pending == self.credits_pending and self.debits_posted == self.credits_posted


def balances(accounts: Iterable[UUID], at_ns: int = _NOW) -> Question[dict[UUID, Balance]]:
    """Ask for the totals of accounts at a moment; accounts that the asker may not see are left out.

    Args:
        accounts: The accounts, opened or not at that moment.
        at_ns: The moment, with everything that happened at it.
    """
    parameters = {"accounts": list(accounts), "at_ns": at_ns}
    return Question(_BALANCES, parameters, _read_balances)


def balance(account: UUID, at_ns: int = _NOW) -> Question[Balance | None]:
    """Ask for the totals of one account at a moment; ``None`` if the asker may not see it.

    Args:
        account: The account.
        at_ns: The moment, with everything that happened at it.
    """
    parameters = {"accounts": [account], "at_ns": at_ns}
    return Question(_BALANCES, parameters, lambda rows: _read_balances(rows).get(account))


def trial_balance(
    at_ns: int = _NOW, institution: int | None = None
) -> Question[tuple[TrialBalanceLine, ...]]:
    """Ask for the totals of all accounts that the asker may see, by unit; units never used are left out.

    Args:
        at_ns: The moment, with everything that happened at it.
        institution: Count this institution's accounts only.
    """
    parameters = {"at_ns": at_ns, "institution": institution}
    return Question(_TRIAL_BALANCE, parameters, _read_trial_balance)


def _read_balances(rows: Sequence[tuple[Any, ...]]) -> dict[UUID, Balance]:
    return {
        account: Balance(
            debits_pending=debits_pending,
            debits_posted=debits_posted,
            credits_pending=credits_pending,
            credits_posted=credits_posted,
        )
        for account, debits_pending, debits_posted, credits_pending, credits_posted in rows
    }


def _read_trial_balance(rows: Sequence[tuple[Any, ...]]) -> tuple[TrialBalanceLine, ...]:
    return tuple(
        TrialBalanceLine(
            ledger=ledger,
            debits_pending=int(debits_pending),
            debits_posted=int(debits_posted),
            credits_pending=int(credits_pending),
            credits_posted=int(credits_posted),
        )
        for ledger, debits_pending, debits_posted, credits_pending, credits_posted in rows
    )

"""Judging payments before they are made: the rules as this process knows them, and one look at what is known.

Rules are read again after a second, so a change of them, or a first entry on a list, holds everywhere a second later.
While no rule counts anything and nobody is listed, a payment is judged without asking the database.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from karez.channels.api.asking import Asked, earlier_replies
from karez.channels.api.caller_database import CallerDatabase, Connection
from karez.channels.api.moments import format_moment
from karez.core.clock import Clock
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import Observed, PaymentAttempt
from karez.services.payments.fraud.challenges import confirmed
from karez.services.payments.fraud.exact import counters
from karez.services.payments.fraud.listing import is_anybody_listed
from karez.services.payments.fraud.observing import Looking, looking, observed
from karez.services.payments.fraud.rule_sets import current_set
from karez.services.payments.fraud.rules import NamedRule
from karez.services.payments.fraud.screening import (
    StopReceipt,
    ToJudge,
    judged_together,
    refusal,
    stopped_by_book,
)
from karez.services.payments.house import House

STOPPING_REFUSALS = ("payment_refused", "payment_needs_confirmation", "fraud_rule_unreadable")
"""By which a payment may be answered."""

_FRESH_NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Screened:
    """A payment after it was judged.

    Attributes:
        operation: Pays, or keeps that it was stopped.
    """

    operation: Operation
    _judged: ToJudge
    _rules: tuple[NamedRule, ...]

    def stopped_by(self, outcome: Outcome) -> Operation | None:
        """Return what keeps that the book has refused it for an exact rule; ``None`` for any other outcome."""
        if outcome.accepted:
            return None
        return stopped_by_book(self._judged, self._rules, self.operation, outcome)


@dataclass(frozen=True, slots=True)
class _Standing:
    rules: tuple[NamedRule, ...]
    looking: Looking
    is_anybody_listed: bool


class FraudGuard:
    """Judges the payments of one web process.

    Args:
        database: Where rules, lists and decisions are.
        clock: Tells the time.
    """

    def __init__(self, database: CallerDatabase, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._standing: _Standing | None = None
        self._read_ns = 0

    def forget(self) -> None:
        """Read the rules again before the next payment, because they were changed here."""
        self._standing = None

    async def screen(self, house: House, payments: Sequence[ToJudge]) -> list[Screened]:
        """Return payments after they were judged, in order.

        Args:
            house: The payment house.
            payments: In any number; what is known of all of them is read by one statement.

        Raises:
            Unavailable: ``fraud_rule_unreadable``.
        """
        standing = await self._known()
        attempts = [each.attempt for each in payments]
        seen = await self._observed(standing, attempts) if attempts else []
        made = judged_together(house, standing.rules, payments, seen)
        return [
            Screened(operation, each, standing.rules) for operation, each in zip(made, payments, strict=True)
        ]

    async def confirmed(self, stopped: Sequence[tuple[Asked, StopReceipt]]) -> list[Asked | Rejected]:
        """Return under which id each stopped payment goes on because it was confirmed, or its refusal.

        Args:
            stopped: Requests, and the replies that tell of the stops.
        """
        asked = [
            (receipt.payer, receipt.stopped_payment)
            for ask, receipt in stopped
            if receipt.outcome == "challenge" and not ask.is_confirmed
        ]
        if not asked:
            return [_refusal(receipt) for _, receipt in stopped]
        going_on = {ask.id: ask.confirmed() for ask, _ in stopped}

        def read(conn: Connection) -> tuple[dict[UUID, int], dict[UUID, bytes]]:
            expires = {id_: each.expires_ns for id_, each in confirmed(conn, asked).items()}
            return expires, earlier_replies(conn, list(going_on.values())) if expires else {}

        expires, paid = await self._database.as_operator(read)
        now_ns = self._clock.now_ns()
        return [
            going_on[ask.id]
            if now_ns < expires.get(receipt.stopped_payment, 0) or going_on[ask.id].id in paid
            else _refusal(receipt)
            for ask, receipt in stopped
        ]

    async def _known(self) -> _Standing:
        now_ns = self._clock.now_ns()
        standing = self._standing
        if standing is None or not 0 <= now_ns - self._read_ns < _FRESH_NS:
            self._read_ns = now_ns  # whoever comes meanwhile goes on with what was known

            def read(conn: Connection) -> _Standing:
                rules = current_set(conn).named()
                return _Standing(rules, looking(rules), is_anybody_listed(conn, now_ns))

            self._standing = standing = await self._database.as_operator(read)
        return standing

    async def _observed(self, standing: _Standing, attempts: Sequence[PaymentAttempt]) -> list[Observed]:
        accounts = counters(standing.rules, attempts)
        if not (standing.looking or standing.is_anybody_listed or accounts):
            return [Observed({})] * len(attempts)
        return await self._database.as_operator(
            lambda conn: observed(conn, attempts, standing.looking, accounts)
        )


def to_judge(ask: Asked, asking: Asking, attempt: PaymentAttempt, payment: Operation) -> ToJudge:
    """Return a payment to be judged, as one that the payer has confirmed where that is so."""
    return ToJudge(asking, replace(attempt, confirmed=ask.is_confirmed), payment)


def _refusal(receipt: StopReceipt) -> Rejected:
    return refusal(receipt, None if receipt.expires_ns is None else format_moment(receipt.expires_ns))

"""Rules of frequency that hold whatever happens at once: each is an account of the book.

The first payment that an exact rule counts opens an account for its subject and fills it with the limit. Each payment
reserves its 1, or its amount, there for the length of the window; then the reservation ends by itself. So the book
refuses the sixth of "5 payments an hour", however many come together, and nothing is counted or locked.

Worked example: a device may pay 5 times an hour. At 10:00 five payments pass and the sixth is refused; at 10:30 it is
refused still; from 11:00 on, an hour after each of the five, there is room again.

A rule whose numbers are changed has other accounts, and so counts from the beginning.
"""

from collections.abc import Iterable, Sequence
from uuid import UUID

from karez.core.ids import NIL, derived_id
from karez.ledger.model import NewAccount, Transfer, TransferFlags
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.fraud.attempts import LENGTH_S, Observed, PaymentAttempt, Subject
from karez.services.payments.fraud.deciding import Reason, is_left_alone, reason_of
from karez.services.payments.fraud.rules import NamedRule, Velocity
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves


def counters(rules: Sequence[NamedRule], attempts: Sequence[PaymentAttempt]) -> list[UUID]:
    """Return the accounts that some attempts may be counted in.

    Args:
        rules: Those that hold.
        attempts: In any number.
    """
    return list({account for attempt in attempts for _, _, account in _counting(rules, attempt)})


def counted(
    asking: Asking, house: House, rules: Sequence[NamedRule], attempt: PaymentAttempt, observed: Observed
) -> tuple[tuple[NewAccount, ...], tuple[Transfer, ...]]:
    """Return the accounts that a payment opens so that it is counted, and what it reserves in them.

    In the book a reservation is refused with ``exceeds_credits`` when the limit is used up, and an account with
    ``account_exists`` when another payment has opened it a moment before.

    Args:
        asking: The payer's request.
        house: The payment house.
        rules: Those that hold.
        attempt: What is paid.
        observed: What is known.

    Rejections: ``currency_not_open``.
    """
    opened: list[NewAccount] = []
    moved: list[Transfer] = []
    for named, rule, account in _counting(rules, attempt):
        if is_left_alone(rule.subject, attempt, observed):
            continue
        unit = house.currency(attempt.currency).limit
        pool = accounts.limit_pool(attempt.currency)
        if account not in observed.counters:
            opened.append(house.account(account, unit, AccountCode.VELOCITY, flags=DEBITS_LIMITED))
            filled = asking.made_id(f"velocity grant {named.name}")
            moved.append(money_moves(filled, pool, account, rule.limit, unit, TransferCode.VELOCITY_GRANT))
        moved.append(
            money_moves(
                asking.made_id(f"velocity {named.name}"),
                account,
                pool,
                1 if rule.measure == "count" else attempt.amount_minor,
                unit,
                TransferCode.VELOCITY_USE,
                flags=TransferFlags.PENDING,
                timeout_s=LENGTH_S[rule.window],
            )
        )
    return tuple(opened), tuple(moved)


def exceeded(
    rules: Sequence[NamedRule], attempt: PaymentAttempt, operation: Operation, outcome: Outcome
) -> Reason | None:
    """Return which exact rule the book refused a payment for, if it was one.

    Args:
        rules: Those that hold.
        attempt: What was to be paid.
        operation: What was refused.
        outcome: What the book said.
    """
    if outcome.code != "exceeds_credits" or outcome.item is None:
        return None
    refused = operation.transfers[outcome.item]
    if refused.code != TransferCode.VELOCITY_USE:
        return None
    for named, rule, account in _counting(rules, attempt):
        if account == refused.debit_account_id:
            return reason_of(named, rule.limit + refused.amount, rule.limit)
    return None


def _counting(
    rules: Sequence[NamedRule], attempt: PaymentAttempt
) -> Iterable[tuple[NamedRule, Velocity, UUID]]:
    """Return the exact rules that look at an attempt, each with the account of its subject."""
    for named in rules:
        rule = named.rule
        if not isinstance(rule, Velocity) or not rule.exact or rule.currency != attempt.currency:
            continue
        if attempt.takes_part(rule.subject):
            source = _source(rule.subject, attempt)
            numbers = rule.window, rule.measure, rule.limit, rule.currency
            yield named, rule, derived_id(source, "velocity", named.name, *numbers)


def _source(subject: Subject, attempt: PaymentAttempt) -> UUID:
    match subject:
        case Subject.PERSON:
            return derived_id(attempt.person, subject)
        case Subject.SHOP:
            return derived_id(attempt.shop, subject)
        case Subject.CARD:
            return derived_id(NIL, subject, attempt.card[0].hex())
        case Subject.DEVICE:
            return derived_id(NIL, subject, attempt.device[0].hex())

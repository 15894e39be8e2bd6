"""A payment and the decision about it: one operation, which pays and keeps the decision, or stops and keeps it.

The operation that stops a payment has the id of the payment's own. So the book carries out one of the two, once, and
whoever repeats the request gets the same reply, whatever rules say by then.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, Outcome, RowInsert
from karez.services.asking import Asking, encode
from karez.services.payments.fraud.attempts import Observed, PaymentAttempt
from karez.services.payments.fraud.challenges import challenge_row, expires_ns
from karez.services.payments.fraud.deciding import Decision, Kind, decide
from karez.services.payments.fraud.exact import counted, exceeded
from karez.services.payments.fraud.observing import looking
from karez.services.payments.fraud.rules import NamedRule, Stop
from karez.services.payments.fraud.tallying import Tally
from karez.services.payments.house import House


class StopReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """The reply of an operation that has stopped a payment.

    Attributes:
        stopped_payment: Id of the decision.
        payer: Whose payment it was.
        outcome: ``challenge`` or ``refuse``.
        kinds: Of what kind the rules are that were hit.
        expires_ns: Until when a challenge can be confirmed.
    """

    stopped_payment: UUID
    payer: UUID
    outcome: Stop
    kinds: list[Kind]
    expires_ns: int | None = None


_MARK = b'{"stopped_payment":'
_decode = msgspec.json.Decoder(StopReceipt).decode

_WORDS: Mapping[Kind, str] = {
    "frequency": "too many payments in a short time",
    "amount": "the amount",
    "unfamiliar": "somebody or something that this payer has not used before",
    "safety": "safety",
}


@dataclass(frozen=True, slots=True)
class ToJudge:
    """A payment that the rules of its own room have let pass.

    Attributes:
        asking: The payer's request.
        attempt: What is judged.
        payment: The operation that pays.
    """

    asking: Asking
    attempt: PaymentAttempt
    payment: Operation


def judged_together(
    house: House, rules: Sequence[NamedRule], payments: Sequence[ToJudge], observed: Sequence[Observed]
) -> list[Operation]:
    """Return what ``judged`` does of each of some payments, in order; each is counted for those after it.

    Args:
        house: The payment house.
        rules: Those that hold.
        payments: In any number.
        observed: What is known of each.
    """
    tally = Tally(looking(rules))
    made = []
    for each, known in zip(payments, observed, strict=True):
        seen = tally.added_to(known, each.attempt)
        decision = decide(rules, each.attempt, seen)
        tally.add(each.attempt, decision.outcome)
        made.append(judged(each, house, rules, seen, decision))
    return made


def judged(
    payment: ToJudge, house: House, rules: Sequence[NamedRule], observed: Observed, decision: Decision
) -> Operation:
    """Return a payment with the decision that allows it, or in its place what stops it.

    An allowed payment is kept where a rule counts it later or was hit; else there is nothing to keep.

    Args:
        payment: The payment.
        house: The payment house.
        rules: Those that hold.
        observed: What is known.
        decision: About it.
    """
    asking, attempt, pays = payment.asking, payment.attempt, payment.payment
    if decision.outcome != "allow":
        return stop(asking, attempt, decision)
    opened, moved = counted(asking, house, rules, attempt, observed)
    is_kept = bool(decision.reasons) or bool(looking(rules))
    if not (is_kept or moved):
        return pays
    return msgspec.structs.replace(
        pays,
        accounts=(*pays.accounts, *opened),
        transfers=(*pays.transfers, *moved),
        rows=(*pays.rows, decision_row(attempt, decision)) if is_kept else pays.rows,
    )


def stopped_by_book(
    payment: ToJudge, rules: Sequence[NamedRule], made: Operation, outcome: Outcome
) -> Operation | None:
    """Return what stops a payment that the book has refused for an exact rule; ``None`` for other refusals.

    Args:
        payment: The payment.
        rules: Those that held when it was judged.
        made: What was made of it, and the book has refused.
        outcome: What the book said.
    """
    reason = exceeded(rules, payment.attempt, made, outcome)
    if reason is None:
        return None
    return stop(payment.asking, payment.attempt, Decision(outcome="refuse", reasons=(reason,)))


def stop(asking: Asking, attempt: PaymentAttempt, decision: Decision) -> Operation:
    """Keep the decision about a payment that does not pass, and tell the operator and, of a challenge, the payer.

    Args:
        asking: The payer's request, whose id this uses up.
        attempt: What was judged.
        decision: What was decided.
    """
    assert decision.outcome != "allow", "what is allowed is not stopped"
    id_ = decision_id(attempt)
    rows = [decision_row(attempt, decision)]
    told = {
        "id": id_,
        "shop": attempt.shop,
        "currency": attempt.currency,
        "amount_minor": attempt.amount_minor,
    }
    rules = [reason.rule for reason in decision.reasons]
    about = {**told, "outcome": decision.outcome, "person": attempt.person, "rules": rules}
    events = [asking.event("fraud.stopped", (), about)]
    until_ns = None
    if decision.outcome == "challenge":
        until_ns = expires_ns(asking.now_ns)
        rows.append(challenge_row(asking, attempt, id_))
        events.append(asking.event("payment.challenged", (attempt.person,), told))
    reply = StopReceipt(
        stopped_payment=id_,
        payer=attempt.person,
        outcome=decision.outcome,
        kinds=decision.kinds,
        expires_ns=until_ns,
    )
    return asking.operation("fraud.stop_payment", reply, rows=tuple(rows), events=tuple(events))


def stop_of(reply: bytes) -> StopReceipt | None:
    """Return the stop that an operation's reply tells of; ``None`` where the operation has paid."""
    return _decode(reply) if reply.startswith(_MARK) else None


def refusal(receipt: StopReceipt, expires: str | None) -> Rejected:
    """Return what the payer is told: what to do, and of what kind the limit is, but no rule.

    Args:
        receipt: Of the stop.
        expires: Until when a challenge can be confirmed, as text.
    """
    why = " and ".join(_WORDS[kind] for kind in receipt.kinds)
    if receipt.outcome == "challenge":
        return Rejected(
            "payment_needs_confirmation",
            f"Because of {why} the payer has to confirm this payment: confirm challenge {receipt.stopped_payment} in "
            "a second way, then send this request again as it is.",
            challenge=receipt.stopped_payment,
            kinds=receipt.kinds,
            expires=expires,
        )
    return Rejected(
        "payment_refused",
        f"This payment was stopped because of {why}; begin a new one later or in another way, or ask customer "
        f"service about {receipt.stopped_payment}.",
        decision=receipt.stopped_payment,
        kinds=receipt.kinds,
    )


def decision_id(attempt: PaymentAttempt) -> UUID:
    """Return the id of the decision about an attempt, which is also that of its challenge."""
    return derived_id(attempt.id, "fraud decision")


def decision_row(attempt: PaymentAttempt, decision: Decision) -> RowInsert:
    """Return the row that keeps a decision."""
    return RowInsert(
        table="fraud_decision",
        key={"person": str(attempt.person), "at_ns": attempt.at_ns, "id": str(decision_id(attempt))},
        values={
            "shop": str(attempt.shop),
            "card": _bytea(attempt.card),
            "device": _bytea(attempt.device),
            "amount_minor": attempt.amount_minor,
            "score_bps": decision.score_bps,
            "outcome": decision.outcome,
            "currency": attempt.currency,
            "reasons": encode(decision.reasons).decode(),
        },
    )


def _bytea(fingerprints: tuple[bytes, ...]) -> str | None:
    return "\\x" + fingerprints[0].hex() if fingerprints else None

"""What the bank does with an order, a question, a customer's confirmation, and a card that is to be bound."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import Enum
from hashlib import blake2b
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.services.payments.banks.messages import (
    DUPLICATE,
    INSTRUCTION_UNKNOWN,
    Binding,
    BindingRequest,
    Order,
    Standing,
)
from karez.simulators.bank.behaviours import (
    BREAKING,
    DECIDING_LATER,
    FAILING,
    HANGING,
    UNSEEN,
    Behaviour,
    Mix,
    Rule,
)
from karez.simulators.bank.store import Account, BankStore, Instruction, KeptBinding

_CHALLENGE_LIMIT_NS = 15 * 60 * 1_000_000_000
_WRONG_CODES_MAX = 3
_NOTICES_OF_ANSWER_TWICE = 3


class Fault(Enum):
    """What happens in the place of an answer."""

    HANG = "hang"
    BREAK = "break"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Reaction:
    """How the bank reacts to an order or a question.

    Attributes:
        standing: What it answers; ``None`` if it knows nothing.
        fault: What happens in the place of the answer.
        delay_ms: How long it waits before.
        notices: How often it notifies who gave the order.
    """

    standing: Standing | None
    fault: Fault | None = None
    delay_ms: int = 0
    notices: int = 0


class Bank:
    """The bank.

    Args:
        store: What it remembers.
        mix: How it behaves where no rule says it.
        now_ns: Tells the time.
    """

    def __init__(self, store: BankStore, mix: Mix, now_ns: Callable[[], int]) -> None:
        self.store = store
        self._mix = mix
        self.now_ns = now_ns

    def take(self, order: Order) -> Reaction:
        """Take an order, carry it out once, and say how it stands.

        Rejections: ``id_used_for_another_order``.
        """
        with self.store.transaction():
            kept = self.store.instruction(order.id)
            if kept is not None:
                return self._again(kept, order)
            rule = self._rule(order)
            if rule.behaviour in UNSEEN:
                return Reaction(None, _fault(rule.behaviour))
            taken = Instruction(order, rule, "processing", "", orders=1, queries=0, taken_ns=self.now_ns())
            kept = self._decided_at_once(taken)
            self.store.put_instruction(kept)
            is_wrong = rule.behaviour is Behaviour.WRONG_DECLINE
            return Reaction(
                standing_of(_declined(kept, rule.reason) if is_wrong else kept),
                _fault(rule.behaviour),
                rule.delay_ms if rule.behaviour is Behaviour.ANSWER_LATE else 0,
                _NOTICES_OF_ANSWER_TWICE if rule.behaviour is Behaviour.ANSWER_TWICE else 0,
            )

    def query(self, id_: UUID) -> Reaction:
        """Say how an order stands.

        Rejections: ``instruction_unknown``.
        """
        with self.store.transaction():
            kept = self.store.instruction(id_)
            if kept is None:
                raise _unknown(id_)
            asked = replace(kept, queries=kept.queries + 1)
            decided = self._decided_by_query(asked)
            self.store.put_instruction(decided)
        denies = kept.rule.behaviour is Behaviour.WRONG_DUPLICATE and asked.orders == 1 and asked.queries == 1
        if denies:
            raise _unknown(id_)
        return Reaction(standing_of(decided), notices=1 if decided.state != kept.state else 0)

    def confirm(self, id_: UUID, card: str | None) -> Reaction:
        """Carry out an order that waits for its customer.

        Args:
            id_: The order's id.
            card: Number of the card or account that is to be debited; ``None`` if the customer declines.

        Rejections: ``instruction_unknown``.
        """
        with self.store.transaction():
            kept = self.store.instruction(id_)
            if kept is None:
                raise _unknown(id_)
            decided = kept
            if kept.state == "processing" and is_challenge(kept):
                account = None if card is None else self.store.account_of_card(card)
                decided = (
                    self._carried_out(kept, account)
                    if card is not None
                    else _declined(kept, "customer_declined")
                )
                self.store.put_instruction(decided)
        return Reaction(standing_of(decided), notices=1 if decided.state != kept.state else 0)

    def bind(self, request: BindingRequest) -> Binding:
        """Send the holder of a card or account a code; the same request again changes nothing."""
        with self.store.transaction():
            kept = self.store.binding(request.id)
            if kept is None:
                account = self.store.account_of_card(request.number)
                is_holder = account is not None and account.holder == request.holder
                kept = KeptBinding(
                    request.id,
                    account.number if account is not None and is_holder else None,
                    f"{int.from_bytes(_digest(request.id, 'code'), 'big') % 1_000_000:06}",
                    "challenged" if is_holder else "refused",
                    "" if is_holder else "number_or_holder_wrong",
                    None,
                    request.number[-4:],
                    0,
                )
                self.store.put_binding(kept)
        return binding_of(kept)

    def prove(self, id_: UUID, code: str) -> Binding:
        """Bind a card or account whose holder has read the code.

        Rejections: ``binding_unknown``.
        """
        with self.store.transaction():
            kept = self.store.binding(id_)
            if kept is None:
                raise binding_unknown(id_)
            if kept.state == "challenged":
                kept = _proven(kept) if kept.code == code else _wrong(kept)
                self.store.put_binding(kept)
        return binding_of(kept)

    def _rule(self, order: Order) -> Rule:
        if not self.store.is_first_sight(order.id):
            return Rule(behaviour=Behaviour.NORMAL)
        found = self.store.use_rule(order)
        return found or Rule(behaviour=self._mix.drawn(order.id))

    def _again(self, kept: Instruction, order: Order) -> Reaction:
        if order != kept.order:
            raise Rejected(
                "id_used_for_another_order",
                f"The id {order.id} was used for another order; send this one under an id of its own.",
            )
        self.store.put_instruction(replace(kept, orders=kept.orders + 1))
        if kept.rule.behaviour is Behaviour.WRONG_DUPLICATE:
            return Reaction(standing_of(_declined(kept, DUPLICATE)))
        return Reaction(standing_of(kept))

    def _decided_at_once(self, kept: Instruction) -> Instruction:
        if kept.rule.behaviour is Behaviour.DECLINE:
            return _declined(kept, kept.rule.reason)
        if kept.rule.behaviour in DECIDING_LATER or is_challenge(kept):
            return kept
        return self._carried_out(kept, self.store.account_of_order(kept.order.reference))

    def _decided_by_query(self, kept: Instruction) -> Instruction:
        if kept.state != "processing":
            return kept
        if is_challenge(kept):
            is_over = self.now_ns() - kept.taken_ns > _CHALLENGE_LIMIT_NS
            return _declined(kept, "challenge_expired") if is_over else kept
        if kept.queries < kept.rule.queries:
            return kept
        if kept.rule.behaviour is Behaviour.DECLINE_LATER:
            return _declined(kept, kept.rule.reason)
        return self._carried_out(kept, self.store.account_of_order(kept.order.reference))

    def _carried_out(self, kept: Instruction, account: Account | None) -> Instruction:
        reason = _reason_against(kept.order, account)
        if reason or account is None:
            return _declined(kept, reason)
        self.store.move(kept.order, account, self.now_ns())
        return replace(kept, state="succeeded")


def is_challenge(kept: Instruction) -> bool:
    """Tell whether an order waits for its customer's word on the bank's page."""
    return kept.order.reference == ""


def standing_of(kept: Instruction) -> Standing:
    """Return how an order stands, in the words of the protocol."""
    order = kept.order
    return Standing(
        id=order.id,
        kind=order.kind,
        amount_minor=order.amount_minor,
        currency=order.currency,
        state=kept.state,
        reason=kept.reason,
    )


def binding_of(kept: KeptBinding) -> Binding:
    """Return how a binding stands, in the words of the protocol."""
    return Binding(
        id=kept.id, state=kept.state, reason=kept.reason, token=kept.token or "", ending=kept.ending
    )


def binding_unknown(id_: UUID) -> Rejected:
    """Return the refusal of a binding that is not there."""
    return Rejected("binding_unknown", f"There is no binding {id_}; begin one first.")


def _reason_against(order: Order, account: Account | None) -> str:
    if account is None:
        return "account_unknown"
    if account.currency != order.currency:
        return "currency_differs"
    if order.kind == "credit":
        return ""
    if account.blocked:
        return "card_blocked"
    if account.payment_max_minor is not None and order.amount_minor > account.payment_max_minor:
        return "limit_exceeded"
    return "insufficient_funds" if order.amount_minor > account.balance_minor else ""


def _declined(kept: Instruction, reason: str) -> Instruction:
    return replace(kept, state="declined", reason=reason)


def _proven(kept: KeptBinding) -> KeptBinding:
    return replace(kept, state="bound", token=f"tok_{_digest(kept.id, 'token').hex()}")


def _wrong(kept: KeptBinding) -> KeptBinding:
    tries = kept.tries + 1
    if tries < _WRONG_CODES_MAX:
        return replace(kept, tries=tries, reason="code_wrong")
    return replace(kept, tries=tries, state="refused", reason="code_wrong")


def _digest(id_: UUID, purpose: str) -> bytes:
    return blake2b(id_.bytes, digest_size=16, person=purpose.encode()).digest()


def _fault(behaviour: Behaviour) -> Fault | None:
    if behaviour in HANGING:
        return Fault.HANG
    if behaviour in FAILING:
        return Fault.ERROR
    return Fault.BREAK if behaviour in BREAKING else None


def _unknown(id_: UUID) -> Rejected:
    return Rejected(INSTRUCTION_UNKNOWN, f"This bank has never seen an instruction {id_}; send it.")

"""How the bank may misbehave, and when.

A rule says it for orders of a customer's account or card, of an amount or of a kind, for the first so many of them.
Where no rule fits, the mix says with which probability an order meets which behaviour; the draw depends on the seed
and the order's id alone, so the same day can be played again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from hashlib import blake2b
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.services.payments.banks.messages import Kind, Order

_DRAW_BITS = 53


class Behaviour(StrEnum):
    """What becomes of an order when the bank meets it first."""

    NORMAL = "normal"
    DECLINE = "decline"
    """Declined for the rule's reason."""
    TIME_OUT_BEFORE = "time_out_before"
    """No answer, and the bank never knew of it."""
    TIME_OUT_AFTER = "time_out_after"
    """No answer, although the bank has carried it out."""
    ERROR_BEFORE = "error_before"
    """An error page of some proxy, and the bank never knew of it."""
    ERROR_AFTER = "error_after"
    RESET_BEFORE = "reset_before"
    """The connection breaks, and the bank never knew of it."""
    RESET_AFTER = "reset_after"
    ANSWER_LATE = "answer_late"
    """The answer comes after the rule's delay."""
    ANSWER_TWICE = "answer_twice"
    """Answered, and notified three times."""
    SUCCEED_LATER = "succeed_later"
    """In process until it was asked for as often as the rule says, then carried out."""
    DECLINE_LATER = "decline_later"
    WRONG_DECLINE = "wrong_decline"
    """Declined for the rule's reason, and carried out all the same."""
    WRONG_DUPLICATE = "wrong_duplicate"
    """Carried out without an answer; then denied once, and when it comes again declined as a duplicate."""


UNSEEN = frozenset({Behaviour.TIME_OUT_BEFORE, Behaviour.ERROR_BEFORE, Behaviour.RESET_BEFORE})
HANGING = frozenset({Behaviour.TIME_OUT_BEFORE, Behaviour.TIME_OUT_AFTER, Behaviour.WRONG_DUPLICATE})
FAILING = frozenset({Behaviour.ERROR_BEFORE, Behaviour.ERROR_AFTER})
BREAKING = frozenset({Behaviour.RESET_BEFORE, Behaviour.RESET_AFTER})
DECIDING_LATER = frozenset({Behaviour.SUCCEED_LATER, Behaviour.DECLINE_LATER})


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """When to behave how.

    Attributes:
        behaviour: How.
        reference: For this account number or token; ``None`` is any.
        amount_minor: For this amount; ``None`` is any.
        kind: For this kind; ``None`` is any.
        reason: With which a decline is explained.
        delay_ms: How late a late answer comes.
        queries: How often it must be asked for before it is decided.
        times: For how many orders; ``None`` is all.
    """

    behaviour: Behaviour
    reference: str | None = None
    amount_minor: int | None = None
    kind: Kind | None = None
    reason: str = "card_blocked"
    delay_ms: int = 2_000
    queries: int = 2
    times: int | None = 1


def fits(rule: Rule, order: Order) -> bool:
    """Tell whether a rule speaks of an order."""
    return (
        rule.times != 0
        and rule.reference in (None, order.reference)
        and rule.amount_minor in (None, order.amount_minor)
        and rule.kind in (None, order.kind)
    )


@dataclass(frozen=True, slots=True)
class Mix:
    """What happens by chance.

    Attributes:
        seed: The same one gives the same behaviour to the same order.
        shares: Of orders with each behaviour, together at most 1; the rest is normal.
    """

    seed: int = 0
    shares: Mapping[Behaviour, float] | None = None

    def drawn(self, order: UUID) -> Behaviour:
        """Return how the bank behaves towards an order."""
        digest = blake2b(order.bytes, digest_size=8, key=str(self.seed).encode()).digest()
        left = (int.from_bytes(digest, "big") >> (64 - _DRAW_BITS)) / 2**_DRAW_BITS
        for behaviour, share in (self.shares or {}).items():
            left -= share
            if left < 0:
                return behaviour
        return Behaviour.NORMAL


def read_mix(seed: int, text: str) -> Mix:
    """Read a mix such as ``time_out_after=0.02,decline=0.01``.

    Rejections: ``mix_malformed``.
    """
    shares = {}
    for part in filter(None, text.split(",")):
        name, _, share = part.partition("=")
        try:
            shares[Behaviour(name.strip())] = float(share)
        except ValueError:
            raise Rejected(
                "mix_malformed",
                f"{part!r} is no share of a behaviour; write it like time_out_after=0.02, with one of "
                f"{', '.join(Behaviour)}.",
            ) from None
    if not 0 <= sum(shares.values()) <= 1 or min(shares.values(), default=0) < 0:
        raise Rejected(
            "mix_malformed", f"The shares of {text!r} are not from 0 to 1 together; make them smaller."
        )
    return Mix(seed, shares)

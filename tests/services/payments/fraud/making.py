"""Attempts to pay, and short ways to what the tests are about."""

from typing import Any
from uuid import UUID

from karez.core.ids import new_id
from karez.services.payments.fraud.attempts import PaymentAttempt, Seen, Subject, Window
from karez.services.payments.fraud.rules import NamedRule, Rule
from tests.parties.making import NOW_NS, SECOND_NS

ANA, BEN, TEA_HOUSE, BAKERY = (new_id(NOW_NS) for _ in range(4))
CARD, OTHER_CARD, DEVICE, OTHER_DEVICE = (bytes([number]) * 16 for number in range(1, 5))

__all__ = [
    "ANA",
    "BAKERY",
    "BEN",
    "CARD",
    "DEVICE",
    "NOW_NS",
    "OTHER_CARD",
    "OTHER_DEVICE",
    "SECOND_NS",
    "TEA_HOUSE",
]


def attempt(
    amount_minor: int = 1_000,
    *,
    person: UUID = ANA,
    shop: UUID = TEA_HOUSE,
    card: bytes | None = CARD,
    device: bytes | None = DEVICE,
    currency: str = "CNY",
    ago_s: float = 0,
    **more: Any,
) -> PaymentAttempt:
    """Ana pays the tea house 10.00 with her card and phone, unless told otherwise."""
    return PaymentAttempt(
        id=new_id(NOW_NS),
        person=person,
        shop=shop,
        currency=currency,
        amount_minor=amount_minor,
        at_ns=NOW_NS - round(ago_s * SECOND_NS),
        card=() if card is None else (card,),
        device=() if device is None else (device,),
        **more,
    )


def only(rule: Rule, name: str = "the_rule", version: int = 3) -> tuple[NamedRule, ...]:
    """One rule that holds alone."""
    return (NamedRule(name, version, rule),)


def seen_of(subject: Subject, window: Window, **figures: int) -> dict[tuple[Subject, Window], Seen]:
    """What was seen of one subject in one window."""
    return {(subject, window): Seen(**figures)}

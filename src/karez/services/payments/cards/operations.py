"""What a holder does to a card that is bound: change its limits, unbind it."""

from karez.ledger.operations import Operation, Scalar
from karez.services.asking import Asking
from karez.services.payments.cards.binding import changed, receipt_of, told_of
from karez.services.payments.cards.limits import CardLimits, check_limits, fund
from karez.services.payments.cards.records import Card
from karez.services.payments.cards.states import Action, reached
from karez.services.payments.house import House


def change_limits(asking: Asking, house: House, card: Card, wanted: CardLimits) -> Operation:
    """Change what may be paid with a card.

    Rejections: ``card_state_wrong``, ``card_limits_out_of_range``; in the book ``exceeds_credits`` where more than
        a lower limit was used in the last 24 hours.
    """
    reached(card.standing, Action.CHANGE_LIMITS)
    currency = house.currency(card.currency)
    check_limits(wanted, currency)
    changes: dict[str, Scalar] = {
        "payment_max_minor": wanted.payment_max_minor,
        "day_max_minor": wanted.day_max_minor,
    }
    return asking.operation(
        "card.change_limits",
        receipt_of(card, changes),
        transfers=fund(asking, card.id, card.day_max_minor, wanted.day_max_minor, currency),
        rows=(changed(card, changes),),
        events=(asking.event("card.limits_changed", (card.party,), {**told_of(card), **changes}),),
    )


def unbind(asking: Asking, card: Card) -> Operation:
    """Let a card pay nothing new; payments for which its bank was asked end as they would.

    What the bank calls the card is kept, so that refunds of earlier payments still find it.

    Rejections: ``card_state_wrong``.
    """
    changes: dict[str, Scalar] = {"state": reached(card.standing, Action.UNBIND), "ended_ns": asking.now_ns}
    return asking.operation(
        "card.unbind",
        receipt_of(card, changes),
        rows=(changed(card, changes),),
        events=(asking.event("card.unbound", (card.party,), told_of(card)),),
    )

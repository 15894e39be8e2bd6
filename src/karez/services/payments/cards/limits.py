"""How much may be paid with one card: in one payment, and in 24 hours.

The limit of 24 hours is an account in the book, like the one of a wallet (see ``wallets.limits``), funded when the
card is bound for the first time; a payment reserves its amount there, and has it back at once if the bank declines.
The holder may choose lower or higher limits below the house's; what the card's bank allows it says by declining.
"""

from dataclasses import dataclass
from uuid import UUID

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import Currency
from karez.services.payments.wallets.limits import day_use, limit_moves


@dataclass(frozen=True, slots=True)
class CardLimits:
    """What may be paid with a card.

    Attributes:
        payment_max_minor: In one payment.
        day_max_minor: In 24 hours.
    """

    payment_max_minor: int
    day_max_minor: int


_FIRST = CardLimits(5_000, 10_000)
_MOST = CardLimits(50_000, 100_000)
"""In whole units of any currency."""

_USE = "card limit"


def first_limits(currency: Currency) -> CardLimits:
    """Return what a card has when it is bound for the first time."""
    return _in_minor(_FIRST, currency)


def check_limits(wanted: CardLimits, currency: Currency) -> None:
    """Refuse limits that are no limits, or above the house's.

    Rejections: ``card_limits_out_of_range``.
    """
    most = _in_minor(_MOST, currency)
    is_possible = (
        0 < wanted.payment_max_minor <= most.payment_max_minor
        and wanted.payment_max_minor <= wanted.day_max_minor <= most.day_max_minor
    )
    if not is_possible:
        raise Rejected(
            "card_limits_out_of_range",
            f"With one card at most {most.payment_max_minor} minor units can be paid at once and "
            f"{most.day_max_minor} in 24 hours, and in 24 hours not less than at once; choose limits within that.",
            payment_max_minor=most.payment_max_minor,
            day_max_minor=most.day_max_minor,
        )


def fund(
    asking: Asking, card: UUID, old_minor: int, new_minor: int, currency: Currency
) -> tuple[Transfer, ...]:
    """Return the transfer that brings a card's limit of 24 hours from one amount to another.

    In the book it is refused with ``exceeds_credits`` where more than the lower limit was used in the last 24 hours.
    """
    return limit_moves(
        asking.made_id("card limit grant"),
        accounts.card_limit(card),
        accounts.limit_pool(currency.code),
        new_minor - old_minor,
        currency.limit,
        TransferCode.CARD_LIMIT_GRANT,
    )


def use(asking: Asking, number: int, card: UUID, amount_minor: int, currency: Currency) -> Transfer:
    """Return the transfer that takes an amount out of a card's limit for 24 hours.

    In the book it is refused with ``exceeds_credits`` when the limit is used up.
    """
    return day_use(
        asking.made_id(_USE, number),
        accounts.card_limit(card),
        accounts.limit_pool(currency.code),
        amount_minor,
        currency.limit,
        TransferCode.CARD_LIMIT_USE,
    )


def _in_minor(limits: CardLimits, currency: Currency) -> CardLimits:
    scale: int = 10**currency.exponent
    return CardLimits(limits.payment_max_minor * scale, limits.day_max_minor * scale)


def day_use_of(asked: UUID, number: int) -> UUID:
    """Return the transfer by which a payment has used a card's limit.

    Args:
        asked: The operation that has asked the bank.
        number: Place of the card in the payment.
    """
    return derived_id(asked, _USE, number)

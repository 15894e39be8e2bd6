"""What is judged when a trade is paid, or made and paid at once."""

from uuid import UUID

from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.trades.records import Trade


def trade_attempt(
    asking: Asking, trade: Trade, payer: UUID, device: Fingerprints, card: Fingerprints = ()
) -> PaymentAttempt:
    """Return the attempt to pay a trade.

    Args:
        asking: The payer's request.
        trade: What is to be paid.
        payer: Who pays.
        device: On which it is paid.
        card: With which it is paid.
    """
    return PaymentAttempt(
        id=asking.id,
        person=payer,
        shop=trade.shop,
        currency=trade.currency,
        amount_minor=trade.amount_minor,
        at_ns=asking.now_ns,
        card=card,
        device=device,
    )


def charge_attempt(
    asking: Asking, payer: UUID, shop: UUID, currency: str, amount_minor: int, device: Fingerprints = ()
) -> PaymentAttempt:
    """Return the attempt to pay what is not a trade yet, or is paid in another currency.

    Args:
        asking: The request.
        payer: Who pays.
        shop: Who is paid.
        currency: ISO 4217 letters.
        amount_minor: How much.
        device: On which it is paid.
    """
    return PaymentAttempt(
        id=asking.id,
        person=payer,
        shop=shop,
        currency=currency,
        amount_minor=amount_minor,
        at_ns=asking.now_ns,
        device=device,
    )

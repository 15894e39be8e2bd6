"""Rules of refunds: what may go back, and what happens to the fee.

Worked example of the fee: a shop paid 0.99 for taking 33.00. With ``proportional`` three refunds of 11.00 bring
0.33 each; with ``keep`` nothing comes back.
"""

from typing import Literal

from karez.core.outcomes import Rejected
from karez.services.payments.trades.records import Trade

RefundFeePolicy = Literal["keep", "proportional"]
"""What happens to a shop's fee when a payment is refunded: it is kept, or goes back with its part of the payment."""


def fee_return_minor(
    policy: RefundFeePolicy, fee_minor: int, price_minor: int, refunded_before_minor: int, refund_minor: int
) -> int:
    """Return how much of a fee goes back to the shop with a refund.

    Whatever the sizes of the refunds, together they never bring back more than the fee, and exactly the fee once the
    whole price is refunded: each brings the difference of what is due before and after it, rounded down.

    Args:
        policy: The shop's.
        fee_minor: What the shop paid for the payment.
        price_minor: The payment, above 0.
        refunded_before_minor: What was refunded before.
        refund_minor: What is refunded now; with the former at most the payment.
    """
    assert 0 <= refunded_before_minor <= refunded_before_minor + refund_minor <= price_minor
    if policy == "keep":
        return 0
    due_after = fee_minor * (refunded_before_minor + refund_minor) // price_minor
    return due_after - fee_minor * refunded_before_minor // price_minor


def check_refundable(trade: Trade, amount_minor: int) -> None:
    """Refuse more than is left of what the shop has had of a finished trade, as far as the trade itself tells.

    Of a payment from one wallet the trade does not know what was refunded; the book does.

    Rejections: ``refund_exceeds_payment``.
    """
    left_minor = trade.released_minor - trade.legs_refunded_minor
    if amount_minor > left_minor:
        raise Rejected(
            "refund_exceeds_payment",
            f"Of trade {trade.id} at most {left_minor} minor units can be refunded; look at its refunds.",
            left_minor=left_minor,
        )

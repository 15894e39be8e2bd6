"""A coupon as a source: it gives up to its worth, out of the budget of the campaign that gave it out.

A coupon is money that its campaign has set aside: claiming it reserves its face value in the budget until it
expires, and paying with it moves the money from there. So a coupon that somebody holds is always covered.

When a payment goes back, the coupon's part goes back to the campaign's budget. The coupon itself is given back,
worth what it had paid, if one return brings the whole of its part and with it the whole payment has gone back;
after a return in parts it is spent.

Worked example: a coupon over 5.00 and the balance pay 30.00. A refund of 30.00 gives 25.00 to the wallet, 5.00 to
the budget, and the coupon back. Refunds of 27.00 and then 3.00 give 2.00 and 3.00 to the budget and no coupon.
"""

from dataclasses import dataclass
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer, TransferFlags
from karez.ledger.operations import RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import Currency, House, money_moves
from karez.services.payments.sources.coupon_records import Coupon, find_coupon
from karez.services.payments.sources.door import Drawn, Source, TakenBack, TakingBack
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade

KIND = "coupon"

_SECOND_NS = 1_000_000_000


def reservation(
    id_: UUID, campaign_budget: UUID, amount_minor: int, currency: Currency, now_ns: int, until_ns: int
) -> Transfer:
    """Return the transfer that sets a coupon's money aside until the coupon expires.

    In the book it is refused with ``exceeds_credits`` when the budget is used up.
    """
    return money_moves(
        id_,
        campaign_budget,
        accounts.suspense(currency.code),
        amount_minor,
        currency.money,
        TransferCode.COUPON_RESERVE,
        flags=int(TransferFlags.PENDING),
        # Rounded up: the money must not be free before the coupon is worth nothing.
        timeout_s=max(1, -((now_ns - until_ns) // _SECOND_NS)),
    )


@dataclass(frozen=True, slots=True)
class CouponFunds:
    """What a coupon can give to a trade.

    Attributes:
        coupon: As it was read.
        trade: What is to be paid.
    """

    coupon: Coupon
    trade: Trade

    @property
    def counted_in(self) -> None:
        """Return nothing: a coupon's worth is set aside."""

    def most_minor(self, now_ns: int, _left_minor: int, _available_minor: int | None, /) -> int:
        """Return its worth.

        Rejections: ``coupon_used``, ``coupon_expired``, ``coupon_not_for_this``, ``spend_below_minimum``.
        """
        coupon, trade = self.coupon, self.trade
        if coupon.state != "claimed":
            raise Rejected("coupon_used", f"The coupon {coupon.id} was used before; choose another source.")
        if now_ns >= coupon.until_ns:
            raise Rejected("coupon_expired", f"The coupon {coupon.id} has expired; choose another source.")
        if coupon.currency != trade.currency or coupon.shop not in (None, trade.shop):
            raise Rejected(
                "coupon_not_for_this",
                f"The coupon {coupon.id} is for another shop or currency; choose another source.",
            )
        if trade.amount_minor < coupon.minimum_minor:
            raise Rejected(
                "spend_below_minimum",
                f"The coupon {coupon.id} needs a price of {coupon.minimum_minor} minor units or more; choose "
                "another source.",
                minimum_minor=coupon.minimum_minor,
            )
        return coupon.worth_minor

    def draw(self, asking: Asking, _house: House, number: int, amount_minor: int, /) -> Drawn:
        """Return the leg from the campaign's budget, preceded by the end of the reservation there."""
        coupon = self.coupon
        freed = Transfer(
            id=asking.made_id("coupon", number),
            pending_id=coupon.reservation,
            flags=int(TransferFlags.VOID),
        )
        used = RowUpdate(
            table="coupon",
            key={"id": str(coupon.id)},
            expected={"state": "claimed", "reservation": str(coupon.reservation)},
            changes={"state": "used", "trade": str(self.trade.id), "used_ns": asking.now_ns},
        )
        leg = Leg(
            source=KIND,
            account=accounts.coupon_budget(coupon.campaign),
            amount_minor=amount_minor,
            reference=str(coupon.id),
            until_ns=coupon.until_ns,
        )
        return Drawn(leg, (freed,), (used,))


def _read(conn: psycopg.Connection, trade: Trade, _payer: UUID, reference: str) -> CouponFunds:
    return CouponFunds(find_coupon(conn, UUID(reference)), trade)


def _take_back(taking: TakingBack) -> TakenBack:
    """Give the coupon back if all of it comes back at once and it is still worth something."""
    leg, now_ns = taking.leg, taking.asking.now_ns
    is_whole = taking.is_all and taking.amount_minor == leg.amount_minor
    if not is_whole or now_ns >= leg.until_ns:
        return TakenBack(leg.account)
    currency = taking.house.currency(taking.trade.currency)
    again = reservation(
        taking.asking.made_id("coupon", taking.number),
        leg.account,
        leg.amount_minor,
        currency,
        now_ns,
        leg.until_ns,
    )
    row = RowUpdate(
        table="coupon",
        key={"id": leg.reference},
        expected={"state": "used", "trade": str(taking.trade.id)},
        changes={
            "state": "claimed",
            "worth_minor": leg.amount_minor,
            "reservation": str(again.id),
            "trade": None,
            "used_ns": None,
        },
    )
    return TakenBack(leg.account, (again,), (row,))


COUPON = Source(_read, _take_back)

"""Ordering, paying, shipping, confirming and closing a trade."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.money import AMOUNT_MAX_MINOR
from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking, encode
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.house import Currency, House, money_moves
from karez.services.payments.sources import balance
from karez.services.payments.trades.changes import TradeReceipt, changed
from karez.services.payments.trades.escrow import check_is, release, return_all
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import Action, State, check_action, reached
from karez.services.payments.trades.timers import later_ns, timers_of
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

Mode = Literal["escrow", "direct"]


@dataclass(frozen=True, slots=True)
class Order:
    """What a shop offers to sell.

    Attributes:
        reference: The shop's own name for it, unique within the shop.
        title: What it is.
        category: Decides the timers.
        mode: ``escrow``, or ``direct``: the shop has the money at once.
        currency: ISO 4217 letters.
        amount_minor: The price.
        buyer: Who is to pay; ``None`` is whoever pays first.
    """

    reference: str
    title: str
    category: str
    mode: Mode
    currency: str
    amount_minor: int
    buyer: UUID | None


def trade_id(shop: UUID, reference: str) -> UUID:
    """Return the id of a shop's trade: a reference is used once."""
    return derived_id(shop, "trade", reference)


def check_amount(amount_minor: int) -> None:
    """Refuse what is no price.

    Rejections: ``amount_not_positive``, ``amount_too_large``.
    """
    if amount_minor <= 0:
        raise Rejected("amount_not_positive", f"{amount_minor} is no amount to pay; name one above 0.")
    if amount_minor > AMOUNT_MAX_MINOR // 1_000:
        raise Rejected(
            "amount_too_large",
            f"One payment is at most {AMOUNT_MAX_MINOR // 1_000} minor units; split it into several.",
        )


def order(asking: Asking, house: House, shop: UUID, new: Order) -> Operation:
    """Make a trade that waits for its payment.

    Rejections: ``currency_not_open``, ``category_unknown``, ``amount_not_positive``, ``amount_too_large``,
        ``buyer_is_shop``; in the book ``row_exists``.
    """
    house.currency(new.currency)
    timers = timers_of(new.category)
    check_amount(new.amount_minor)
    _check_buyer(shop, new.buyer)
    id_ = trade_id(shop, new.reference)
    values: dict[str, Scalar] = {
        "reference": new.reference,
        "shop": str(shop),
        "buyer": None if new.buyer is None else str(new.buyer),
        "title": new.title,
        "category": new.category,
        "mode": new.mode,
        "currency": new.currency,
        "amount_minor": new.amount_minor,
        "state": State.CREATED,
        "held_minor": 0,
        "released_minor": 0,
        "returned_minor": 0,
        "legs": "[]",
        "legs_refunded_minor": 0,
        "extended": False,
        "due_ns": later_ns(asking.now_ns, timers.pay_s),
        "created_ns": asking.now_ns,
        "paid_ns": None,
        "finished_ns": None,
    }
    reply = TradeReceipt(
        id=id_,
        reference=new.reference,
        state=State.CREATED,
        currency=new.currency,
        amount_minor=new.amount_minor,
        held_minor=0,
        released_minor=0,
        returned_minor=0,
    )
    parties = (shop,) if new.buyer is None else (shop, new.buyer)
    return asking.operation(
        "trade.order",
        reply,
        rows=(RowInsert(table="trade", key={"id": str(id_)}, values=values),),
        events=(asking.event("trade.ordered", parties, msgspec.structs.asdict(reply)),),
    )


def check_payer(trade: Trade, payer: UUID) -> None:
    """Refuse a payer who cannot pay this trade now.

    Rejections: ``trade_state_wrong``, ``trade_expired``, ``buyer_is_shop``, ``trade_not_found``.
    """
    check_action(trade.standing, Action.PAY)
    if trade.buyer is not None and trade.buyer != payer:
        raise Rejected("trade_not_found", f"There is no trade {trade.id} that you may pay; look its id up.")
    _check_buyer(trade.shop, payer)


def pay_from_balance(asking: Asking, house: House, trade: Trade, wallet: Wallet) -> Operation:
    """Pay a trade from the payer's wallet.

    Rejections: those of ``check_payer``; ``wallet_frozen``, ``payment_limit_exceeded``; in the book
        ``exceeds_credits``, where the wallet has too little or the limit of 24 hours is used up.
    """
    leg = Leg(
        source=balance.KIND,
        account=accounts.wallet(wallet.party, trade.currency),
        amount_minor=trade.amount_minor,
    )
    return pay(asking, house, trade, wallet, (leg,))


def pay(
    asking: Asking,
    house: House,
    trade: Trade,
    wallet: Wallet,
    legs: Sequence[Leg],
    *,
    before: tuple[Transfer, ...] = (),
    rows: tuple[RowInsert | RowUpdate, ...] = (),
) -> Operation:
    """Pay a trade from one or several sources, all or nothing.

    Args:
        asking: The payer's request.
        house: The payment house.
        trade: What is paid.
        wallet: The payer's wallet in the trade's currency.
        legs: What is taken from where; together the price.
        before: Transfers that bring money to the legs' accounts first.
        rows: What the sources record with it.

    Rejections: as of ``pay_from_balance``.
    """
    currency = house.currency(trade.currency)
    own = check_legs(trade, wallet, legs, currency)
    transfers = tuple(
        money_moves(
            asking.made_id("leg", number),
            leg.account,
            target_of(trade),
            leg.amount_minor,
            currency.money,
            TransferCode.PAYMENT,
        )
        for number, leg in enumerate(legs)
    )
    limited = limit_use(asking, wallet.party, wallet.level, own, currency) if own else ()
    return changed(
        asking,
        trade,
        "trade.pay",
        "trade.paid",
        paid(asking, trade, wallet.party, legs),
        transfers=(*limited, *before, *transfers),
        more_rows=rows,
        parties=(trade.shop, wallet.party),
    )


def check_legs(trade: Trade, wallet: Wallet, legs: Sequence[Leg], currency: Currency) -> int:
    """Refuse a payment that the payer may not make, and return what it takes of the payer's own wallet.

    What a limit protects is the payer's own money; a coupon's is the campaign's, and a bank has limits of its own.

    Rejections: as of ``pay``.
    """
    check_payer(trade, wallet.party)
    check_open(wallet)
    assert sum(leg.amount_minor for leg in legs) == trade.amount_minor, "the legs are the price"
    own_minor = sum(leg.amount_minor for leg in legs if leg.source == balance.KIND)
    check_payment(wallet.level, own_minor, currency)
    return own_minor


def target_of(trade: Trade) -> UUID:
    """Return the account that a trade is paid into."""
    if trade.mode == "escrow":
        return accounts.escrow(trade.currency)
    return accounts.takings(trade.shop, trade.currency)


def paid(
    asking: Asking, trade: Trade, payer: UUID, legs: Sequence[Leg], action: Action = Action.PAY
) -> dict[str, Scalar]:
    """Return what changes in the row of a trade that is paid now.

    Args:
        asking: The request.
        trade: As it was read.
        payer: Who pays.
        legs: What it is paid from.
        action: ``BANK_PAYS`` where a bank was asked.

    Rejections: ``trade_state_wrong``.
    """
    into_escrow = trade.mode == "escrow"
    return {
        "state": reached(trade.standing, action, State.PAID if into_escrow else State.FINISHED),
        "buyer": str(payer),
        "legs": encode(list(legs)).decode(),
        "held_minor": trade.amount_minor if into_escrow else 0,
        "released_minor": 0 if into_escrow else trade.amount_minor,
        "due_ns": later_ns(asking.now_ns, timers_of(trade.category).paid_s) if into_escrow else None,
        "paid_ns": asking.now_ns,
        "finished_ns": None if into_escrow else asking.now_ns,
    }


def ship(asking: Asking, trade: Trade, shop: UUID) -> Operation:
    """Record that the shop has handed the goods over.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``.
    """
    check_is(trade, shop, trade.shop, "the shop")
    state = reached(trade.standing, Action.SHIP, State.SHIPPED)
    due_ns = later_ns(asking.now_ns, timers_of(trade.category).confirm_s)
    return changed(asking, trade, "trade.ship", "trade.shipped", {"state": state, "due_ns": due_ns})


def confirm(asking: Asking, house: House, trade: Trade, buyer: UUID) -> Operation:
    """Release what is in escrow to the shop, because the buyer has got what was bought.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``.
    """
    check_is(trade, buyer, trade.buyer, "the buyer")
    return release(asking, house, trade, "trade.confirm")


def extend(asking: Asking, trade: Trade, buyer: UUID) -> Operation:
    """Give the buyer more time before the trade counts as confirmed, once.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``, ``trade_extended_before``.
    """
    check_is(trade, buyer, trade.buyer, "the buyer")
    check_action(trade.standing, Action.EXTEND)
    if trade.extended or trade.due_ns is None:
        raise Rejected(
            "trade_extended_before",
            "The time of a trade can be extended once; confirm it, or open a dispute if something is wrong.",
        )
    due_ns = later_ns(trade.due_ns, timers_of(trade.category).extension_s)
    return changed(asking, trade, "trade.extend", "trade.extended", {"extended": True, "due_ns": due_ns})


def close(asking: Asking, trade: Trade, party: UUID) -> Operation:
    """Close a trade that is not paid.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``.
    """
    if party not in (trade.shop, trade.buyer):
        check_is(trade, party, trade.shop, "the shop or the named buyer")
    return _close(asking, trade)


def time_out(asking: Asking, house: House, trade: Trade) -> Operation:
    """Do what happens when the timer of a trade's state runs out.

    Args:
        asking: The clock's request.
        house: The payment house.
        trade: Due.
    """
    if trade.standing is State.CREATED:
        return _close(asking, trade)
    if trade.standing is State.PAID and timers_of(trade.category).ship_s is not None:
        return return_all(asking, house, trade, "trade.time_out")
    return release(asking, house, trade, "trade.time_out")


def _close(asking: Asking, trade: Trade) -> Operation:
    state = reached(trade.standing, Action.CLOSE, State.CLOSED)
    changes: dict[str, Scalar] = {"state": state, "due_ns": None, "finished_ns": asking.now_ns}
    return changed(asking, trade, "trade.close", "trade.closed", changes)


def _check_buyer(shop: UUID, buyer: UUID | None) -> None:
    if buyer == shop:
        raise Rejected("buyer_is_shop", "A shop cannot pay its own order; use another party's wallet.")

"""Placing a hold, capturing it in one or several parts, releasing it, and what happens when its time is over.

The reservation is a pending transfer of the book, which ends by itself. A capture posts a part of it and, if more is
to come, reserves the rest anew until the same moment, all in one operation: what is held is never free in between.

Worked example: a hotel holds 1,000.00 until Friday. On Thursday it captures 300.00 and goes on holding: 300.00 are
its takings, 700.00 are reserved until Friday. Then it captures 200.00 for the last time, and 500.00 are free.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer, TransferFlags
from karez.ledger.operations import Event, Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.fraud.paid_trades import charge_attempt
from karez.services.payments.holds.records import Hold
from karez.services.payments.house import House, money_moves
from karez.services.payments.sources import balance
from karez.services.payments.trades.direct import paid_at_once, reference_used
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.operations import Order, check_amount, trade_id
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

_SECOND_NS = 1_000_000_000
_CATEGORY = "service"


@dataclass(frozen=True, slots=True)
class Placing:
    """What a payer agrees to.

    Attributes:
        shop: For whom money is reserved.
        reference: What shop and payer know it by.
        title: What it is for.
        currency: ISO 4217 letters.
        amount_minor: How much.
        expires_in_s: How long.
    """

    shop: UUID
    reference: str | None
    title: str
    currency: str
    amount_minor: int
    expires_in_s: int


@dataclass(frozen=True, slots=True)
class Capturing:
    """What a shop takes of a hold.

    Attributes:
        reference: The shop's own name for the trade that it becomes.
        amount_minor: How much.
        is_final: Whether the rest is free with it.
    """

    reference: str
    amount_minor: int
    is_final: bool


class HoldReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A hold after a change.

    Attributes:
        held_minor: What is still reserved.
        captured_minor: What the shop has taken.
    """

    id: UUID
    state: str
    currency: str
    amount_minor: int
    held_minor: int
    captured_minor: int


class CaptureReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What was captured, as a trade, and the hold after it."""

    trade: UUID
    amount_minor: int
    hold: HoldReceipt


def place(asking: Asking, house: House, wallet: Wallet, new: Placing) -> Operation:
    """Reserve money of a wallet for a shop.

    Rejections: ``currency_not_open``, ``amount_not_positive``, ``amount_too_large``, ``buyer_is_shop``,
        ``wallet_frozen``, ``payment_limit_exceeded``; in the book ``exceeds_credits``, and
        ``credit_account_not_found`` where the shop has no wallet.
    """
    currency = house.currency(new.currency)
    check_amount(new.amount_minor)
    if new.shop == wallet.party:
        raise Rejected("buyer_is_shop", "A shop cannot hold its own money; use another party's wallet.")
    check_open(wallet)
    check_payment(wallet.level, new.amount_minor, currency)
    reservation = _reservation(
        asking, house, wallet.party, new.shop, new.currency, new.amount_minor, new.expires_in_s
    )
    receipt = HoldReceipt(
        id=asking.id,
        state="held",
        currency=new.currency,
        amount_minor=new.amount_minor,
        held_minor=new.amount_minor,
        captured_minor=0,
    )
    row = RowInsert(
        table="hold",
        key={"id": str(asking.id)},
        values={
            "payer": str(wallet.party),
            "shop": str(new.shop),
            "reference": new.reference,
            "title": new.title,
            "currency": new.currency,
            "amount_minor": new.amount_minor,
            "held_minor": new.amount_minor,
            "captured_minor": 0,
            "pending_id": str(reservation.id),
            "state": "held",
            "due_ns": later_ns(asking.now_ns, new.expires_in_s),
            "placed_ns": asking.now_ns,
            "ended_ns": None,
        },
    )
    limited = limit_use(asking, wallet.party, wallet.level, new.amount_minor, currency)
    told = {**msgspec.structs.asdict(receipt), "reference": new.reference}
    return asking.operation(
        "hold.place",
        receipt,
        transfers=(*limited, reservation),
        rows=(row,),
        events=(asking.event("hold.placed", (wallet.party, new.shop), told),),
    )


def placing_attempt(asking: Asking, payer: UUID, new: Placing, device: Fingerprints) -> PaymentAttempt:
    """Return what the rules against fraud judge before money is held; what is captured of it was judged with it.

    Args:
        asking: The payer's request.
        payer: Whose money it is.
        new: What the payer agrees to.
        device: On which.
    """
    return charge_attempt(asking, payer, new.shop, new.currency, new.amount_minor, device)


def capture(
    asking: Asking, house: House, hold: Hold, is_reference_used: bool, shop: UUID, wanted: Capturing
) -> Operation:
    """Take a part or all of what is held; it becomes a direct trade of the shop.

    Args:
        asking: The shop's request.
        house: The payment house.
        hold: As it was read.
        is_reference_used: Whether the shop has a trade of this name.
        shop: Who asks.
        wanted: What is taken.

    Rejections: ``hold_not_yours``, ``reference_used``, ``hold_state_wrong``, ``hold_expired``,
        ``amount_not_positive``, ``amount_too_large``, ``capture_exceeds_hold``; in the book
        ``pending_transfer_expired`` where the time was over first.
    """
    _check_shop(hold, shop)
    if is_reference_used:
        raise reference_used(wanted.reference)
    left_s = _check_running(hold, asking.now_ns)
    check_amount(wanted.amount_minor)
    if wanted.amount_minor > hold.held_minor:
        raise Rejected(
            "capture_exceeds_hold",
            f"Only {hold.held_minor} minor units are still held; capture that much at most.",
            held_minor=hold.held_minor,
        )
    rest_minor = 0 if wanted.is_final else hold.held_minor - wanted.amount_minor
    post = Transfer(
        id=asking.made_id("post"),
        pending_id=hold.pending_id,
        amount=wanted.amount_minor,
        flags=int(TransferFlags.POST),
    )
    reservations: tuple[Transfer, ...] = ()
    changes: dict[str, Scalar] = {
        "held_minor": rest_minor,
        "captured_minor": hold.captured_minor + wanted.amount_minor,
    }
    if rest_minor:
        rest = _reservation(asking, house, hold.payer, hold.shop, hold.currency, rest_minor, left_s)
        reservations = (rest,)
        changes["pending_id"] = str(rest.id)
    else:
        changes |= {"state": "captured", "due_ns": None, "ended_ns": asking.now_ns}
    trade, paid = _as_trade(asking, house, hold, wanted)
    receipt = CaptureReceipt(
        trade=trade_id(shop, wanted.reference),
        amount_minor=wanted.amount_minor,
        hold=_receipt(hold, changes),
    )
    return asking.operation(
        "hold.capture",
        receipt,
        transfers=(post, *reservations),
        rows=(_changed(hold, changes), trade),
        events=(_event(asking, hold, "hold.captured", changes), paid),
    )


def release(asking: Asking, hold: Hold, shop: UUID) -> Operation:
    """Let the payer have back what is still held.

    Rejections: ``hold_not_yours``, ``hold_state_wrong``, ``hold_expired``.
    """
    _check_shop(hold, shop)
    _check_running(hold, asking.now_ns)
    void = Transfer(id=asking.made_id("void"), pending_id=hold.pending_id, flags=int(TransferFlags.VOID))
    return _ended(asking, hold, "hold.release", "released", (void,))


def expire(asking: Asking, hold: Hold) -> Operation:
    """Record that the time of a hold is over; the book has freed the money by itself."""
    return _ended(asking, hold, "hold.expire", "expired", ())


def hold_expired() -> Rejected:
    """Return the refusal of a hold whose time is over."""
    return Rejected(
        "hold_expired",
        "The time of this hold is over and the money is the payer's again; ask for a new hold.",
    )


def _reservation(
    asking: Asking, house: House, payer: UUID, shop: UUID, currency: str, amount_minor: int, timeout_s: int
) -> Transfer:
    return money_moves(
        asking.made_id("hold"),
        accounts.wallet(payer, currency),
        accounts.takings(shop, currency),
        amount_minor,
        house.currency(currency).money,
        TransferCode.PAYMENT,
        flags=int(TransferFlags.PENDING),
        timeout_s=timeout_s,
    )


def _as_trade(asking: Asking, house: House, hold: Hold, wanted: Capturing) -> tuple[RowInsert, Event]:
    sold = Order(
        reference=wanted.reference,
        title=hold.title,
        category=_CATEGORY,
        mode="direct",
        currency=hold.currency,
        amount_minor=wanted.amount_minor,
        buyer=hold.payer,
    )
    leg = Leg(
        source=balance.KIND,
        account=accounts.wallet(hold.payer, hold.currency),
        amount_minor=wanted.amount_minor,
    )
    return paid_at_once(asking, house, hold.shop, sold, (leg,))


def _check_shop(hold: Hold, shop: UUID) -> None:
    if shop != hold.shop:
        raise Rejected("hold_not_yours", f"Only the shop of hold {hold.id} can do this; use its credential.")


def _check_running(hold: Hold, now_ns: int) -> int:
    """Return for how many seconds a hold still runs."""
    if hold.state == "expired":
        raise hold_expired()
    if hold.due_ns is None:
        raise Rejected(
            "hold_state_wrong",
            f"This hold is {hold.state} already; nothing of it is reserved any more.",
            state=hold.state,
        )
    if now_ns >= hold.due_ns:
        raise hold_expired()
    return -((now_ns - hold.due_ns) // _SECOND_NS)


def _ended(asking: Asking, hold: Hold, kind: str, state: str, transfers: tuple[Transfer, ...]) -> Operation:
    changes: dict[str, Scalar] = {
        "state": state,
        "held_minor": 0,
        "due_ns": None,
        "ended_ns": asking.now_ns,
    }
    return asking.operation(
        kind,
        _receipt(hold, changes),
        transfers=transfers,
        rows=(_changed(hold, changes),),
        events=(_event(asking, hold, f"hold.{state}", changes),),
    )


def _changed(hold: Hold, changes: Mapping[str, Scalar]) -> RowUpdate:
    return RowUpdate(
        table="hold",
        key={"id": str(hold.id)},
        expected={"state": hold.state, "pending_id": str(hold.pending_id)},
        changes={**changes},
    )


def _receipt(hold: Hold, changes: Mapping[str, Scalar]) -> HoldReceipt:
    names = HoldReceipt.__struct_fields__
    return HoldReceipt(
        **{name: getattr(hold, name) for name in names}
        | {name: changes[name] for name in names if name in changes}
    )


def _event(asking: Asking, hold: Hold, topic: str, changes: Mapping[str, Scalar]) -> Event:
    told = {**msgspec.structs.asdict(_receipt(hold, changes)), "reference": hold.reference}
    return asking.event(topic, (hold.payer, hold.shop), told)

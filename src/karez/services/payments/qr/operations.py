"""Showing codes, withdrawing them, and paying by them."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.karez_codes import code_of_shop
from karez.services.payments.qr.ordering import as_trade, check_order, from_balance, made_with_payment
from karez.services.payments.qr.pay_codes import LIFETIME_S, fingerprints, pay_code
from karez.services.payments.qr.records import PayCode, ShopCode, ShownFront, not_your_code
from karez.services.payments.qr.rules import check_hanging, check_usable
from karez.services.payments.sources.paying import Payment, pay_from_sources
from karez.services.payments.trades.direct import reference_used
from karez.services.payments.trades.operations import Order, trade_id
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.records import Wallet


class ShopCodeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A shop's code after a change."""

    id: UUID
    shop: UUID
    currency: str
    label: str
    state: str


class PayCodeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """That a pay code was made; the code itself is not kept, and derives from the operation's id."""

    expires_ns: int


def show_front(asking: Asking, shop: UUID, known: ShownFront | None, front: Shopfront) -> Operation:
    """Say what a shop's codes tell about it, from now on.

    Args:
        asking: The shop's request.
        shop: The shop.
        known: What it said before.
        front: What it says now.

    Rejections: those of ``fields.check_fields``.
    """
    code_of_shop(asking.id, front, "CNY", "till")  # whatever cannot stand in a code is refused here
    key: dict[str, Any] = {"shop": str(shop)}
    values: dict[str, Any] = {**asdict(front), "changed_ns": asking.now_ns}
    row: RowInsert | RowUpdate
    if known is None:
        row = RowInsert(table="shopfront", key=key, values=values)
    else:
        expected: dict[str, Any] = {"changed_ns": known.changed_ns}
        row = RowUpdate(table="shopfront", key=key, expected=expected, changes=values)
    return asking.operation("qr.show_front", asdict(front), rows=(row,))


def make_shop_code(asking: Asking, house: House, front: ShownFront, currency: str, label: str) -> Operation:
    """Make a sticker for a shop, of which there may be many: one for each till.

    Args:
        asking: The shop's request.
        house: The payment house.
        front: What the shop shows of itself.
        currency: ISO 4217 letters.
        label: Where it will hang, 1 to 25 printable ASCII characters.

    Rejections: ``currency_not_open``, ``qr_too_long``, ``qr_field_malformed``.
    """
    house.currency(currency)
    id_ = asking.made_id("shop code")
    code_of_shop(id_, front.front, currency, label)
    row = RowInsert(
        table="shop_qr",
        key={"id": str(id_)},
        values={
            "shop": str(front.shop),
            "currency": currency,
            "label": label,
            "state": "open",
            "made_ns": asking.now_ns,
        },
    )
    receipt = ShopCodeReceipt(id=id_, shop=front.shop, currency=currency, label=label, state="open")
    return asking.operation("qr.make_shop_code", receipt, rows=(row,))


def withdraw_shop_code(asking: Asking, code: ShopCode, shop: UUID) -> Operation:
    """Let a sticker pay no more, for instance because somebody has copied or covered it.

    Rejections: ``shop_code_unknown``, ``shop_code_withdrawn``.
    """
    if code.shop != shop:
        raise not_your_code(code.id)
    check_hanging(code)
    row = RowUpdate(
        table="shop_qr", key={"id": str(code.id)}, expected={"state": "open"}, changes={"state": "withdrawn"}
    )
    receipt = ShopCodeReceipt(
        id=code.id, shop=code.shop, currency=code.currency, label=code.label, state="withdrawn"
    )
    return asking.operation("qr.withdraw_shop_code", receipt, rows=(row,))


def make_pay_code(asking: Asking, sealer: Sealer, payer: UUID) -> Operation:
    """Make the one-time code ``pay_code(sealer, asking.id)``; each new code needs a new request id.

    Args:
        asking: The payer's request.
        sealer: Of pay codes.
        payer: Who will pay.
    """
    expires_ns = later_ns(asking.now_ns, LIFETIME_S)
    fingerprint = fingerprints(sealer, pay_code(sealer, asking.id))[0]
    row = RowInsert(
        table="pay_code",
        key={"fingerprint": _bytea(fingerprint)},
        values={"payer": str(payer), "state": "open", "expires_ns": expires_ns, "trade": None},
    )
    return asking.operation("qr.make_pay_code", PayCodeReceipt(expires_ns=expires_ns), rows=(row,))


def use_pay_code(code: PayCode, trade: UUID, now_ns: int) -> RowUpdate:
    """Return the row that spends a pay code; in any operation that pays, only one of them passes.

    Args:
        code: As it was read.
        trade: What is paid with it.
        now_ns: The present moment.

    Rejections: ``pay_code_used``, ``pay_code_expired``; in the book ``row_state_changed``.
    """
    check_usable(code, now_ns)
    return RowUpdate(
        table="pay_code",
        key={"fingerprint": _bytea(code.fingerprint)},
        expected={"state": "open"},
        changes={"state": "used", "trade": str(trade)},
    )


def charge(
    asking: Asking,
    house: House,
    shop: UUID,
    new: Order,
    code: PayCode,
    wallet: Wallet,
    *,
    is_reference_used: bool = False,
) -> Operation:
    """Sell something to whoever has shown a pay code, from the balance.

    Args:
        asking: The shop's request.
        house: The payment house.
        shop: Who scanned.
        new: What is sold.
        code: What was scanned.
        wallet: The payer's, in the currency of the order.
        is_reference_used: Whether the shop has a trade of this name already.

    Rejections: those of ``use_pay_code``, ``trades.order`` and ``trades.pay``; ``reference_used``.
    """
    assert wallet.party == code.payer, "the wallet of whoever has shown the code"
    use = use_pay_code(code, trade_id(shop, new.reference), asking.now_ns)
    if is_reference_used:
        raise reference_used(new.reference)
    ordered = check_order(asking, house, shop, new)
    payment = from_balance(as_trade(shop, new, asking.now_ns), wallet)
    return made_with_payment(pay_from_sources(asking, house, payment, {}), ordered, "qr.charge", use)


def charge_trade(
    asking: Asking, house: House, shop: UUID, trade: Trade, code: PayCode, wallet: Wallet
) -> Operation:
    """Have an order paid by whoever has shown a pay code, from the balance.

    Rejections: as of ``charge``; ``trade_not_yours``.
    """
    assert wallet.party == code.payer, "the wallet of whoever has shown the code"
    if trade.shop != shop:
        raise Rejected(
            "trade_not_yours", f"Only the shop of trade {trade.id} can do this; use its credential."
        )
    use = use_pay_code(code, trade.id, asking.now_ns)
    paid = pay_from_sources(asking, house, from_balance(trade, wallet), {})
    return msgspec.structs.replace(paid, kind="qr.charge_trade", rows=(*paid.rows, use))


def order_by_sticker(
    request: UUID, code: ShopCode, front: ShownFront, amount_minor: int, payer: UUID
) -> Order:
    """Return what somebody buys who scans a sticker and types an amount.

    Args:
        request: Id of the payer's request.
        code: The sticker.
        front: What its shop shows of itself.
        amount_minor: What the payer has typed.
        payer: Who pays.
    """
    return Order(
        reference=f"qr-{request.hex}",
        title=f"{front.front.local_name or front.front.name} ({code.label})",
        category="service",
        mode="direct",
        currency=code.currency,
        amount_minor=amount_minor,
        buyer=payer,
    )


def pay_shop_code(
    asking: Asking,
    house: House,
    code: ShopCode,
    new: Order,
    payment: Payment,
    available_minor: Mapping[UUID, int],
) -> Operation:
    """Pay an amount that the payer has typed to the shop of a sticker; the shop has it at once.

    Args:
        asking: The payer's request.
        house: The payment house.
        code: The sticker.
        new: What ``order_by_sticker`` returned.
        payment: Of it, from the payer's sources.
        available_minor: As for ``pay_from_sources``.

    Rejections: ``shop_code_withdrawn``; those of ``trades.order`` and ``pay_from_sources``.
    """
    check_hanging(code)
    ordered = check_order(asking, house, code.shop, new)
    paid = pay_from_sources(asking, house, payment, available_minor)
    return made_with_payment(paid, ordered, "qr.pay_shop_code")


def _bytea(content: bytes) -> str:
    return "\\x" + content.hex()

"""Karez's own scheme: what Karez writes into a shop's payment code, and finds there again.

A sticker names a shop's code, which the shop can withdraw; the payer types the amount. The code of an order names the
order, with its amount. The names are ids that nobody can guess; whatever else a code tells is for people's eyes, and
what is paid is decided by Karez's own records.
"""

from dataclasses import dataclass
from uuid import UUID

from karez.core.outcomes import Rejected
from karez.services.payments.qr import fields
from karez.services.payments.qr.consumer_emv import is_consumer_presented
from karez.services.payments.qr.data_objects import DataObject
from karez.services.payments.qr.emv import MerchantCode, Shopfront, merchant_code
from karez.services.payments.qr.pay_codes import is_pay_code

SCHEME = "c1804aaf4e334a5083003c5bff511dc3"
"""Karez's identifier among the schemes, a UUID as the specification allows (section 4.7.5.2 and table 4.3)."""

_SHOP_CODE, _TRADE = "01", "02"
_LABEL_LENGTH_MAX = 25


@dataclass(frozen=True, slots=True)
class ShopCodeNamed:
    """A sticker was scanned: the payer types the amount.

    Attributes:
        code: Id of the shop's code.
    """

    code: UUID


@dataclass(frozen=True, slots=True)
class TradeNamed:
    """The code of an order was scanned.

    Attributes:
        trade: Id of the trade.
        currency: As the payer was shown it, in ISO 4217 letters.
        amount_minor: As the payer was shown it.
    """

    trade: UUID
    currency: str
    amount_minor: int | None


def code_of_shop(code: UUID, shopfront: Shopfront, currency: str, label: str) -> MerchantCode:
    """Return a sticker for many payments.

    Args:
        code: Id of the shop's code.
        shopfront: What the shop shows of itself.
        currency: ISO 4217 letters.
        label: Where it hangs, such as ``till 2``; 1 to 25 printable ASCII characters.

    Rejections: those of ``emv.merchant_code``.
    """
    additional = (DataObject(fields.TERMINAL_LABEL, label),)
    return merchant_code(
        _account(_SHOP_CODE, code), shopfront, currency, None, dynamic=False, additional=additional
    )


def code_of_trade(
    trade: UUID, reference: str, shopfront: Shopfront, currency: str, amount_minor: int
) -> MerchantCode:
    """Return the code of an order, for one payment.

    Args:
        trade: Id of the trade.
        reference: The shop's own name for it; left out of the code where it is too long for it.
        shopfront: What the shop shows of itself.
        currency: ISO 4217 letters.
        amount_minor: The price.

    Rejections: those of ``emv.merchant_code``.
    """
    fits = len(reference) <= _LABEL_LENGTH_MAX
    additional = (DataObject(fields.REFERENCE_LABEL, reference),) if fits else ()
    return merchant_code(
        _account(_TRADE, trade), shopfront, currency, amount_minor, dynamic=True, additional=additional
    )


def is_of_karez(code: MerchantCode) -> bool:
    """Tell whether a shop's code names something of Karez, beside whatever else it names."""
    account = code.account(SCHEME) or {}
    return _SHOP_CODE in account or _TRADE in account


def what_is_named(text: str) -> ShopCodeNamed | TradeNamed:
    """Return what a scanned text names.

    Args:
        text: As the payer's app has read it.

    Rejections: those of ``MerchantCode.read``; ``qr_scheme_unknown``.
    """
    if is_pay_code(text) or is_consumer_presented(text):
        raise fields.not_merchant_presented("a code that a payer shows to a shop")
    code = MerchantCode.read(text)
    account = code.account(SCHEME) or {}
    if _SHOP_CODE in account:
        return ShopCodeNamed(_id(account[_SHOP_CODE]))
    if _TRADE in account:
        return TradeNamed(_id(account[_TRADE]), code.currency, code.amount_minor)
    raise Rejected(
        "qr_scheme_unknown",
        f"The code of {code.shopfront.name} is for other payment schemes; ask the shop how else you can pay.",
    )


def _account(kind: str, id_: UUID) -> tuple[DataObject, ...]:
    return DataObject(fields.SCHEME, SCHEME), DataObject(kind, id_.hex)


def _id(text: str) -> UUID:
    try:
        return UUID(hex=text)
    except ValueError:
        raise Rejected(
            "qr_malformed", f"{text[:40]!r} in this code is no id of Karez; ask the shop for a correct code."
        ) from None

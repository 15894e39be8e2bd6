"""Who may use which code when."""

from karez.core.outcomes import Rejected
from karez.services.payments.qr.records import PayCode, ShopCode
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.records import Wallet


def check_usable(code: PayCode, now_ns: int) -> None:
    """Refuse a pay code that does not pay any more.

    Rejections: ``pay_code_used``, ``pay_code_expired``.
    """
    if code.state == "used":
        raise Rejected(
            "pay_code_used", "This pay code has paid once already; ask the payer to show a new one."
        )
    if now_ns >= code.expires_ns:
        raise Rejected(
            "pay_code_expired", "This pay code is older than a minute; ask the payer to show a new one."
        )


def check_hanging(code: ShopCode) -> None:
    """Refuse a sticker that the shop has withdrawn.

    Rejections: ``shop_code_withdrawn``.
    """
    if code.state != "open":
        raise Rejected(
            "shop_code_withdrawn",
            "The shop has withdrawn this code; do not pay to it, and ask the shop for the right one.",
        )


def check_shown_price(trade: Trade, currency: str, amount_minor: int | None) -> None:
    """Refuse the code of an order that tells another price than the order, because somebody made it up.

    Rejections: ``qr_price_differs``.
    """
    if (trade.currency, trade.amount_minor) != (currency, amount_minor):
        raise price_differs()


def price_differs() -> Rejected:
    """Return the refusal of another price than the order's."""
    return Rejected(
        "qr_price_differs",
        "This is not the price of the order; do not pay, and ask the shop for the right code.",
    )


def check_sells(wallet: Wallet) -> None:
    """Refuse whoever is no shop: a person has nothing that takings could go to.

    Rejections: ``shop_needed``.
    """
    if wallet.kind != "shop":
        raise Rejected(
            "shop_needed",
            "Only shops have codes to be paid by; use a shop's credential, or send a person money.",
        )

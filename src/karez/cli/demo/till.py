"""How the people of the demo pay at a till: by the code that hangs there, or by one that they show."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from uuid import UUID

from karez.cli.demo.counter import Counter
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.qr import operations
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.karez_codes import code_of_shop
from karez.services.payments.qr.pay_codes import fingerprints, pay_code
from karez.services.payments.qr.records import PayCode, find_pay_code, needed_front, shop_codes
from karez.services.payments.qr.scanning import Scanned, pay_scanned, read_scanned
from karez.services.payments.sources.door import Wanted
from karez.services.payments.trades.operations import Order
from karez.services.payments.wallets.records import Wallet

_BALANCE = (Wanted("balance"),)


@dataclass(frozen=True)
class Purchase:
    """Something that is bought at a till.

    Attributes:
        shop: Who sells.
        buyer: Who pays.
        new: What is sold.
    """

    shop: UUID
    buyer: Wallet
    new: Order


def open_tills(counter: Counter, shops: Sequence[Wallet]) -> Mapping[UUID, str]:
    """Let each shop hang up a code, and return their texts."""

    def show(asking: Asking, _: House, shop: UUID, number: int) -> Operation:
        front = Shopfront(f"SHOP {number}", "TURPAN", "CN", "5999", "ZH", f"{number}号店", "吐鲁番")
        return operations.show_front(asking, shop, None, front)

    def hang_up(asking: Asking, house: House, wallet: Wallet) -> Operation:
        front = needed_front(counter.conn, wallet.party)
        return operations.make_shop_code(asking, house, front, wallet.currency, "till")

    counter.ask("shops", [partial(show, shop=each.party, number=n) for n, each in enumerate(shops, 1)])
    counter.ask("shops", [partial(hang_up, wallet=each) for each in shops])
    texts = {}
    for each in shops:
        (code,) = shop_codes(counter.conn, each.party, None, 1)
        front = needed_front(counter.conn, each.party).front
        texts[each.party] = code_of_shop(code.id, front, code.currency, code.label).text()
    return texts


def pay_by_stickers(counter: Counter, texts: Mapping[UUID, str], purchases: Sequence[Purchase]) -> None:
    """Let buyers scan what hangs at the tills and type the prices."""

    def pay(asking: Asking, house: House, purchase: Purchase) -> Operation:
        scanned = Scanned(texts[purchase.shop], purchase.new.amount_minor, _BALANCE)
        facts = read_scanned(counter.conn, scanned, purchase.buyer.party, asking.id, asking.now_ns)
        return pay_scanned(asking, house, facts, {})

    counter.ask("people", [partial(pay, purchase=each) for each in purchases])


def show_codes(counter: Counter, sealer: Sealer, purchases: Sequence[Purchase]) -> None:
    """Let buyers show codes and the shops charge them."""
    requests: list[UUID] = []

    def show(asking: Asking, _: House, buyer: Wallet) -> Operation:
        requests.append(asking.id)
        return operations.make_pay_code(asking, sealer, buyer.party)

    def charge(asking: Asking, house: House, purchase: Purchase, code: PayCode) -> Operation:
        return operations.charge(asking, house, purchase.shop, purchase.new, code, purchase.buyer)

    counter.ask("people", [partial(show, buyer=each.buyer) for each in purchases])
    codes = [
        find_pay_code(counter.conn, fingerprints(sealer, pay_code(sealer, request))) for request in requests
    ]
    counter.ask(
        "shops",
        [
            partial(charge, purchase=purchase, code=code)
            for purchase, code in zip(purchases, codes, strict=True)
        ],
    )

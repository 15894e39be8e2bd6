"""Shops with codes and payers who show some, over HTTP."""

from typing import Any

import httpx

from karez.channels.api.moments import format_moment
from karez.core.clock import SystemClock
from tests.channels.api.making import DAY_NS, fresh_id
from tests.channels.api.town import CURRENCY, Town, done

TEA_HOUSE = {
    "name": "TEA HOUSE",
    "city": "TURPAN",
    "country": "CN",
    "category_code": "5812",
    "language": "ZH",
    "local_name": "坎儿井茶馆",
    "local_city": "吐鲁番",
}
BALANCE = [{"kind": "balance"}]

Json = dict[str, Any]


def show(town: Town, shop: str, front: Json = TEA_HOUSE, key: str | None = None) -> httpx.Response:
    """Say what a shop's codes tell about it."""
    headers = {"Acting-For": shop, "Idempotency-Key": key or fresh_id()}
    return town.bank.put("/v1/shopfront", json=front, headers=headers)


def tea_house(town: Town) -> str:
    """A shop that has said what its codes tell about it."""
    shop = town.shop()
    done(show(town, shop), 200)
    return shop


def read(town: Town, party: str, path: str, **query: str) -> httpx.Response:
    """Read something, for a party."""
    return town.bank.get(path, params=query, headers={"Acting-For": party})


def sticker(town: Town, shop: str, label: str = "till 2", currency: str = CURRENCY) -> Json:
    """Make a sticker and return it with its text."""
    new = {"currency": currency, "label": label}
    made = done(town.act(shop, "/v1/shop-codes", new, fresh_id()), 201).json()
    return dict(done(read(town, shop, f"/v1/shop-codes/{made['id']}"), 200).json())


def code_of_order(town: Town, shop: str, amount_minor: int, **more: object) -> tuple[str, str]:
    """Order something and return the trade's id and the text of its code."""
    trade = town.order(shop, amount_minor, **more)
    return trade, str(done(read(town, shop, f"/v1/trades/{trade}/code"), 200).json()["text"])


def scan(town: Town, party: str, text: str) -> httpx.Response:
    """Ask what a scanned text is."""
    return town.act(party, "/v1/scanned-codes", {"text": text})


def pay(
    town: Town, payer: str, text: str, amount_minor: int | None = None, key: str | None = None, **more: object
) -> httpx.Response:
    """Pay by a scanned text, from the balance if nothing else is said."""
    typed = {} if amount_minor is None else {"amount_minor": amount_minor}
    body = {"text": text, "sources": BALANCE, **typed, **more}
    return town.act(payer, "/v1/scanned-codes/pay", body, key or fresh_id())


def pay_code(town: Town, payer: str) -> Json:
    """Get a one-time code."""
    return dict(done(town.act(payer, "/v1/pay-codes", None, fresh_id()), 201).json())


def charge(
    town: Town, shop: str, code: str, amount_minor: int, key: str | None = None, **more: object
) -> httpx.Response:
    """Charge whoever has shown a code."""
    body = {
        "pay_code": code,
        "reference": fresh_id(),
        "title": "Green tea",
        "currency": CURRENCY,
        "amount_minor": amount_minor,
        **more,
    }
    return town.act(shop, "/v1/charges", body, key or fresh_id())


def funds(town: Town, party: str) -> int:
    """What a wallet can spend."""
    return town.wallet(party)["available_minor"]


def takings(town: Town, shop: str) -> int:
    """What a shop has taken."""
    return town.wallet(shop)["takings_minor"]


def coupon(town: Town, party: str) -> str:
    """Give a coupon of 1.00 that is good in all shops."""
    offer = {"reference": fresh_id(), "title": "x", "currency": CURRENCY, "face_minor": 100, "count": 1}
    until = {"until": format_moment(SystemClock().now_ns() + DAY_NS)}
    campaign = done(town.bank.post("/v1/coupon-campaigns", json=offer | until), 201).json()["id"]
    return str(done(town.act(party, f"/v1/coupon-campaigns/{campaign}/claim"), 201).json()["id"])

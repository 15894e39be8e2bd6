"""A small town for the tests of payments: people and shops of Harbour Bank, with wallets and money in them."""

from collections.abc import Mapping
from dataclasses import dataclass

import httpx

from tests.channels.api.making import HARBOUR_BANK, fresh_id

CURRENCY = "CNY"


@dataclass(frozen=True)
class Town:
    """Who pays and who is paid.

    Attributes:
        bank: Harbour Bank's program, which acts for all of them.
        operator: The operator's program.
    """

    bank: httpx.Client
    operator: httpx.Client

    def party(self, kind: str, balance_minor: int = 0, level: str = "full", currency: str = CURRENCY) -> str:
        """Register a person (``people``) or shop (``shops``) with a wallet, and pay money in."""
        id_ = fresh_id()
        done(self.bank.post(f"/v1/{kind}", json={"id": id_, "name": "Test"}), 201)
        done(self.act(id_, "/v1/wallets", {"currency": currency}), 201)
        if level != "basic":
            self.decide(f"/v1/wallets/{id_}/{currency}/level", {"level": level})
        if balance_minor:
            self.deposit(id_, balance_minor, currency)
        return id_

    def person(self, balance_minor: int = 0, level: str = "full") -> str:
        """Register a person."""
        return self.party("people", balance_minor, level)

    def shop(self) -> str:
        """Register a shop."""
        return self.party("shops")

    def deposit(self, party: str, amount_minor: int, currency: str = CURRENCY) -> None:
        """Pay money into a wallet, as the bank."""
        body = {"id": fresh_id(), "to": party, "currency": currency, "amount_minor": amount_minor}
        done(self.bank.post("/v1/deposits", json=body), 201)

    def act(self, party: str, path: str, body: object = None, key: str | None = None) -> httpx.Response:
        """Ask for something, for a party."""
        headers = {"Acting-For": party} | ({} if key is None else {"Idempotency-Key": key})
        return self.bank.post(path, json=body, headers=headers)

    def decide(self, path: str, body: object) -> httpx.Response:
        """Decide something, as the operator."""
        return done(self.operator.put(path, json=body, headers={"Idempotency-Key": fresh_id()}), 200)

    def judge_by(self, rules: Mapping[str, object], note: str = "For a test.") -> None:
        """Replace the rules against fraud, as the operator, unless these hold already."""
        known = done(self.operator.get("/v1/fraud/rules"), 200).json()
        if known["rules"] != rules:
            self.decide("/v1/fraud/rules", {"version": known["version"], "rules": rules, "note": note})

    def order(self, shop: str, amount_minor: int, **more: object) -> str:
        """Order, as the shop, and return the trade's id."""
        body = {
            "reference": fresh_id(),
            "title": "Two bowls",
            "currency": CURRENCY,
            "amount_minor": amount_minor,
        }
        return str(done(self.act(shop, "/v1/trades", {**body, **more}), 201).json()["id"])

    def wallet(self, party: str, currency: str = CURRENCY) -> dict[str, int]:
        """Read a wallet with its balance."""
        answer = done(self.bank.get("/v1/wallets", headers={"Acting-For": party}), 200)
        (found,) = [each for each in answer.json()["items"] if each["currency"] == currency]
        return dict(found)


def done(answer: httpx.Response, status: int) -> httpx.Response:
    """Expect an answer with this status."""
    assert answer.status_code == status, answer.text
    return answer


def open_town(
    bank: httpx.Client, operator: httpx.Client, currency: str = CURRENCY, number: int = HARBOUR_BANK
) -> Town:
    """Open payments for a currency and the bank's clearing account."""
    done(operator.post("/v1/payment-currencies", json={"currency": currency}), 201)
    body = {"institution": number, "currency": currency}
    done(operator.post("/v1/clearing-accounts", json=body), 201)
    town = Town(bank, operator)
    town.judge_by({}, "One person pays many times at once here, and any sum.")
    return town

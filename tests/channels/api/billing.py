"""A water company for the tests of bills."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx

from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.services.payments.bills.uploading import bill_id
from tests.channels.api.living import LiveApi
from tests.channels.api.making import World, fresh_id
from tests.channels.api.town import CURRENCY, done

DUE = "2040-01-01T00:00:00Z"


@dataclass(frozen=True)
class Biller:
    """An institution that sends bills.

    Attributes:
        client: Its program.
        number: Its institution number.
    """

    client: httpx.Client
    number: int

    def service(self, **more: Any) -> str:
        """Register something to send bills for."""
        body = {
            "code": fresh_id(),
            "name_en": "Water",
            "name_zh": "自来水",
            "category": "water",
            "currency": CURRENCY,
            "account_form": "[0-9]{10}",
            **more,
        }
        return str(done(self.client.post("/v1/biller-services", json=body), 201).json()["id"])

    def upload(self, service: str, bills: list[dict[str, Any]]) -> list[str]:
        """Upload bills and return their ids, those of one account number in the order in which they are due."""
        body = upload_body(service, bills)
        done(self.client.post("/v1/bills", json=body), 201)
        return [bill_id_of(service, each["reference"]) for each in body["bills"]]

    def read(self, bill: str) -> dict[str, Any]:
        """Read a bill."""
        found: dict[str, Any] = done(self.client.get(f"/v1/bills/{bill}"), 200).json()
        return found

    def give_back(self, payment: str, **more: Any) -> httpx.Response:
        """Return a payment."""
        return self.client.post(f"/v1/bill-payments/{payment}/return", json={"reason": "Closed", **more})


def upload_body(service: str, bills: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the body of an upload; what a bill leaves out is filled in."""
    filled = [{"reference": fresh_id(), "label": "Water, October", "due": DUE, **each} for each in bills]
    return {"id": fresh_id(), "service": service, "bills": filled}


def bill_id_of(service: str, reference: str) -> str:
    """Return the id that a bill gets."""
    return str(bill_id(UUID(service), reference))


@contextmanager
def biller(api: LiveApi, world: World, operator: httpx.Client) -> Iterator[Biller]:
    """Admit a biller and return its program."""
    body = {"code": f"water-{fresh_id()[-12:]}", "name": "Turfan Water", "kind": "biller"}
    number = done(operator.post("/v1/institutions", json=body), 201).json()["number"]
    token = world.token(
        Owner(institution=number),
        Permission.PAYMENTS_READ,
        Permission.PAYMENTS_WRITE,
        life_ns=3_650 * 86_400_000_000_000,
    )
    with api.client(token) as client:
        yield Biller(client, number)

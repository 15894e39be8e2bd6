"""Who lives in the demo's town: people, shops, a bank and a water company."""

import random
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any
from uuid import UUID

import psycopg

from karez.cli.demo.counter import Counter
from karez.cli.demo.till import open_tills
from karez.core.calendars import CHINA
from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation
from karez.parties import institutions, people
from karez.parties.people import NewParty
from karez.parties.personal import PersonalData
from karez.services.asking import Asking
from karez.services.payments.bills import registering, standing_orders
from karez.services.payments.bills.records import find_service
from karez.services.payments.bills.registering import NewService, service_id
from karez.services.payments.house import House
from karez.services.payments.qr import pay_codes
from karez.services.payments.settlement.agreements import AgreementFacts, NewPlan, agree
from karez.services.payments.settlement.fees import FeeTerms
from karez.services.payments.wallets.operations import open_clearing, open_wallet
from karez.services.payments.wallets.records import Wallet
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator

CURRENCY = "CNY"
PEOPLE_COUNT = 300
SHOP_COUNT = 40

_FAMILIES = ("Wang", "Li", "Zhang", "Liu", "Chen", "Yang", "Zhao", "Huang", "Zhou", "Wu", "Xu", "Sun")
_GIVEN = (
    "Ana",
    "Bo",
    "Chun",
    "Dan",
    "Fang",
    "Gui",
    "Hong",
    "Jia",
    "Kun",
    "Lan",
    "Mei",
    "Ning",
    "Ping",
    "Rui",
)
_TRADES = ("Tea", "Noodles", "Books", "Bicycles", "Bowls", "Fruit", "Shoes", "Lamps", "Paper", "Wool")
_STREETS = ("North Street", "Well Lane", "Bridge Street", "Market Square")
_WATER = NewService(
    code="water",
    name_en="Well Water",
    name_zh="井水公司",
    category="water",
    currency=CURRENCY,
    account_label_en="Meter",
    account_label_zh="水表",
    account_form="[0-9]{6}",
    allows_parts=False,
)
_FEES = (FeeTerms(rate_bps=38), FeeTerms(category="digital", rate_bps=60))
_BILL_MAX_MINOR = 20_000


@dataclass(frozen=True)
class Town:
    """The town.

    Attributes:
        bank: Harbour Bank's number.
        people: Their wallets.
        shops: Theirs.
        meters: Whose water meter has which number.
        water: Id of the water company's service.
        tills: The texts of the codes that hang in the shops.
        codes: Makes the codes that people show.
    """

    bank: int
    people: tuple[Wallet, ...]
    shops: tuple[Wallet, ...]
    meters: dict[str, Wallet]
    water: UUID
    tills: Mapping[UUID, str]
    codes: Sealer


def found_town(database: Database, counter: Counter, pick: random.Random) -> Town:
    """Register everybody, open their wallets, agree on fees, and connect the water.

    Args:
        database: Where everything is kept.
        counter: Where they ask.
        pick: The dice.
    """
    now_ns = counter.clock.now_ns()
    with connect(database.web) as conn, as_operator(conn):
        bank = institutions.register(conn, "harbour-bank", "Harbour Bank", "bank", now_ns).number
        biller = institutions.register(conn, "well-water", "Well Water", "biller", now_ns).number
        persons = _register(conn, database, "person", bank, PEOPLE_COUNT, pick, now_ns)
        shops = _register(conn, database, "shop", bank, SHOP_COUNT, pick, now_ns)
    counter.ask(
        "Harbour Bank",
        [
            lambda asking, house: open_clearing(asking, house, bank, CURRENCY),
            *(partial(_open, wallet=wallet) for wallet in (*persons, *shops)),
        ],
    )
    counter.ask(
        "operator",
        [partial(_agree, wallet=wallet) for wallet in shops],
    )
    counter.ask(
        "Well Water",
        [
            lambda asking, house: registering.register_service(
                asking, house, biller, "biller", False, False, _WATER
            )
        ],
    )
    water = service_id(biller, _WATER.code)
    meters = {f"{100_000 + number}": wallet for number, wallet in enumerate(persons)}
    service = find_service(counter.conn, water)

    def trust(asking: Asking, _: House, meter: str, wallet: Wallet) -> Operation:
        return standing_orders.order(asking, wallet.party, service, None, meter, _BILL_MAX_MINOR)

    trusting = [each for each in meters.items() if pick.random() < 0.5]
    counter.ask("people", [partial(trust, meter=meter, wallet=wallet) for meter, wallet in trusting])
    tills = open_tills(counter, shops)
    return Town(bank, persons, shops, meters, water, tills, pay_codes.sealer(database.secret_key))


def _register(
    conn: psycopg.Connection[Any],
    database: Database,
    kind: people.Kind,
    bank: int,
    count: int,
    pick: random.Random,
    now_ns: int,
) -> tuple[Wallet, ...]:
    newcomers = [
        NewParty(new_id(now_ns), kind, bank, PersonalData(name=_name(kind, pick))) for _ in range(count)
    ]
    people.register(conn, people.sealer(database.secret_key), newcomers, now_ns)
    return tuple(Wallet(each.id, CURRENCY, kind, "open", "full", None, now_ns) for each in newcomers)


def _name(kind: people.Kind, pick: random.Random) -> str:
    if kind == "shop":
        return f"{pick.choice(_TRADES)} in {pick.choice(_STREETS)}"
    return f"{pick.choice(_GIVEN)} {pick.choice(_FAMILIES)}"


def _open(asking: Asking, house: House, wallet: Wallet) -> Operation:
    kind: people.Kind = "shop" if wallet.kind == "shop" else "person"
    return open_wallet(asking, house, wallet.party, kind, CURRENCY, wallet.level)


def _agree(asking: Asking, _: House, wallet: Wallet) -> Operation:
    return agree(asking, AgreementFacts(wallet, None, ()), NewPlan(CHINA, None, _FEES, "proportional"))

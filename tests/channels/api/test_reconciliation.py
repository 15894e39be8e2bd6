"""Reconciliation over HTTP: a bank's file comes in, what differs waits, and two persons decide."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
import pytest

from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.parties import credentials, staff
from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from karez.services.payments import accounts
from karez.services.payments.banks.connector import BankConnector
from karez.services.payments.banks.links import sealer
from karez.services.payments.reconciliation.sealing import sealer_for_entries
from karez.services.payments.reconciliation.working import Desk, work_once
from karez.services.payments.settlement.due import SWEEPS
from karez.storage.database import connect
from karez.storage.tenant import as_operator
from tests.channels.api.making import HARBOUR_BANK, HILL_BANK, OPERATOR, assert_problem, fresh_id
from tests.channels.api.test_settlement import (
    agreed_shop,
    balance,
    pass_days,
    paying_bank,  # noqa: F401 - a fixture
    read,
    sell,
    with_bank_account,
)
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import done

HEADER = "account,booking_date,amount,currency,reference,bank_reference"
BREAKS = f"/v1/banks/{HARBOUR_BANK}/breaks"


@dataclass(frozen=True)
class Persons:
    """The operator's staff, each with a token, Ana with two of them."""

    ana: httpx.Client
    ana_again: httpx.Client
    ben: httpx.Client


@pytest.fixture(scope="module")
def persons(timed_town: TimedTown) -> Iterator[Persons]:
    town = timed_town
    now_ns = town.clock.now_ns()
    tokens = []
    with connect(town.database.web) as conn, as_operator(conn):
        ana, ben = (
            staff.enrol(conn, OPERATOR, new_id(now_ns), name, (), now_ns).id for name in ("ana", "ben")
        )
        for member in (ana, ana, ben):
            owner, life_ns = Owner(institution=OPERATOR), 3_650 * DAY_S * 1_000_000_000
            token = credentials.issue(conn, owner, list(Permission), "test", now_ns + life_ns, now_ns, member)
            tokens.append(str(token))
    first, second, third = (town.api.client(token) for token in tokens)
    with first as ana_client, second as again, third as ben_client:
        yield Persons(ana_client, again, ben_client)


def work(town: TimedTown) -> None:
    """Let a worker do all that is due."""

    async def until_done() -> None:
        book = BookClient(town.book_socket)
        links = sealer(town.database.secret_key)
        with connect(town.database.worker) as conn:
            entries = sealer_for_entries(town.database.secret_key)
            desk = Desk(conn, book, town.clock, entries, lambda: BankConnector(links))
            while await work_once(desk):
                pass
        book.close()

    asyncio.run(until_done())


def table(*rows: str) -> bytes:
    return "\n".join((HEADER, *(f"777,{row}" for row in rows))).encode()


def today(town: TimedTown, days: int = 0) -> str:
    from datetime import UTC, datetime, timedelta

    return str((datetime.fromtimestamp(town.clock.now_ns() / 1e9, UTC) + timedelta(days=days)).date())


def take_in(town: TimedTown, data: bytes) -> dict[str, Any]:
    """Send a file as the bank, let it be taken in and compared, and return how the import stands."""
    job = done(town.bank.post("/v1/bank-files", content=data), 202).json()
    work(town)
    return dict(done(town.bank.get(f"/v1/reconciliation-jobs/{job['id']}"), 200).json())


def queue(persons: Persons, **query: Any) -> list[dict[str, Any]]:
    return list(done(persons.ana.get(BREAKS, params=query), 200).json()["items"])


def act(person: httpx.Client, found: dict[str, Any], what: str, body: Any = None) -> httpx.Response:
    return person.post(f"{BREAKS}/{found['id']}/{what}", json=body, headers={"Idempotency-Key": fresh_id()})


def surprise(town: TimedTown, persons: Persons, amount: str = "7.00") -> dict[str, Any]:
    """Let the bank book something that nobody expects, and return the break."""
    name = fresh_id()
    take_in(town, table(f"{today(town)},{amount},CNY,{name},"))
    return next(each for each in queue(persons) if name in each["reason"])


def test_a_file_is_taken_in_once_however_often_it_is_sent(timed_town: TimedTown, persons: Persons) -> None:
    name = fresh_id()
    data = table(f"{today(timed_town)},7.00,CNY,{name},")
    first = take_in(timed_town, data)
    assert (first["state"], first["done"], first["total"]) == ("done", 2, 2)
    assert take_in(timed_town, data) == first
    assert len([each for each in queue(persons) if name in each["reason"]]) == 1


def test_a_malformed_file_is_refused_at_its_line_and_leaves_nothing(timed_town: TimedTown) -> None:
    data = table(f"{today(timed_town)},7.00,CNY,A,", f"{today(timed_town)},7.001,CNY,B,")
    facts = assert_problem(timed_town.bank.post("/v1/bank-files", content=data), 422, "bank_file_malformed")
    assert facts["place"] == "line 3"
    bomb = b'<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]><x>&b;</x>'
    assert_problem(timed_town.bank.post("/v1/bank-files", content=bomb), 422, "bank_file_malformed")


def test_a_large_malformed_file_is_refused_by_its_job(timed_town: TimedTown) -> None:
    rows = [f"{today(timed_town)},1.00,CNY,{'R' * 60},B{number}" for number in range(4_000)]
    job = take_in(timed_town, table(*rows, "not-a-day,1.00,CNY,,"))
    assert (job["state"], job["code"]) == ("refused", "bank_file_malformed")
    assert "line 4002" in job["sentence"]


def test_a_bank_sends_its_own_files_only(timed_town: TimedTown) -> None:
    town, data = timed_town, table(f"{today(timed_town)},7.00,CNY,X,")
    answer = town.bank.post("/v1/bank-files", params={"institution": HILL_BANK}, content=data)
    assert_problem(answer, 403, "institution_not_yours")
    job = done(town.operator.post("/v1/bank-files", params={"institution": HILL_BANK}, content=data), 202)
    assert_problem(
        town.bank.get(f"/v1/reconciliation-jobs/{job.json()['id']}"), 404, "reconciliation_job_not_found"
    )


def test_one_person_proposes_and_another_one_decides_whatever_credentials_they_have(
    timed_town: TimedTown, persons: Persons
) -> None:
    town, found = timed_town, surprise(timed_town, persons)
    assert (found["kind"], found["offered"]) == ("missing_in_book", "post_to_suspense")
    suspense, clearing = accounts.suspense("CNY"), accounts.clearing(HARBOUR_BANK, "CNY")
    before = balance(town, suspense), balance(town, clearing)
    proposal = {"action": found["offered"], "note": "unknown payer"}
    assert_problem(act(town.operator, found, "proposal", proposal), 403, "person_needed")
    done(act(persons.ana, found, "proposal", proposal), 200)
    for client in (persons.ana, persons.ana_again):
        assert_problem(act(client, found, "approval"), 403, "second_person_needed")
        assert_problem(act(client, found, "refusal"), 403, "second_person_needed")
    assert (balance(town, suspense), balance(town, clearing)) == before
    assert done(act(persons.ben, found, "approval"), 200).json()["state"] == "approved"
    assert (balance(town, suspense), balance(town, clearing)) == (before[0] + 700, before[1] - 700)
    assert found["id"] not in [each["id"] for each in queue(persons)]


def test_a_credential_that_a_person_issues_is_the_same_persons(
    timed_town: TimedTown, persons: Persons
) -> None:
    found = surprise(timed_town, persons)
    body = {"label": "x", "scopes": ["operator"]}
    token = done(persons.ana.post("/v1/credentials", json=body), 201).json()["token"]
    done(act(persons.ana, found, "proposal", {"action": "post_to_suspense"}), 200)
    with timed_town.api.client(token) as again:
        assert_problem(act(again, found, "approval"), 403, "second_person_needed")
        rotated = again.post(f"/v1/credentials/{UUID(token.split('_')[1])}/rotate", json={"overlap_s": 60})
    assert rotated.status_code in (201, 403)


def test_the_queue_is_paged_and_filtered(timed_town: TimedTown, persons: Persons) -> None:
    found = [surprise(timed_town, persons) for _ in range(3)]
    first = done(persons.ana.get(BREAKS, params={"limit": 1}), 200).json()
    assert first["next_after_id"] == first["items"][0]["id"]
    seen, after = list(first["items"]), first
    while after["next_after"]:
        page = {"limit": 1, "after": after["next_after"], "after_id": after["next_after_id"]}
        after = done(persons.ana.get(BREAKS, params=page), 200).json()
        seen += after["items"]
    assert {each["id"] for each in found} <= {each["id"] for each in seen}
    assert len(seen) == len({each["id"] for each in seen}) == len(queue(persons, limit=1_000))
    assert queue(persons, kind="missing_at_bank", state="queried") == []


def test_a_payout_is_paid_when_the_banks_statement_has_it_and_given_back_when_it_comes_back(
    paying_bank: TimedTown,  # noqa: F811 - the fixture of this name
    persons: Persons,
) -> None:
    town, shop = paying_bank, agreed_shop(paying_bank)
    with_bank_account(town, shop)
    sell(town, shop, 10_000)
    pass_days(town)
    (payout,) = read(town, shop, "/v1/payouts")["items"]
    name, clearing = UUID(payout["id"]).hex, accounts.clearing(HARBOUR_BANK, "CNY")
    before_minor = balance(town, clearing)
    take_in(town, table(f"{today(town)},-99.40,CNY,{name},"))
    town.sweep(SWEEPS)
    assert read(town, shop, "/v1/payouts")["items"][0]["state"] == "paid"
    assert balance(town, clearing) - before_minor == 9_940
    take_in(town, table(f"{today(town, 1)},99.40,CNY,{name},"))
    found = next(each for each in queue(persons) if name in each["reason"])
    assert found["offered"] == "give_back"
    done(act(persons.ana, found, "proposal", {"action": "give_back"}), 200)
    done(act(persons.ben, found, "approval"), 200)
    assert read(town, shop, "/v1/payouts")["items"][0]["state"] == "returned"
    assert (town.wallet(shop)["available_minor"], balance(town, clearing)) == (9_940, before_minor)
    take_in(town, table(f"{today(town, 2)},99.40,CNY,{name},X2"))
    again = next(each for each in queue(persons) if name in each["reason"])
    done(act(persons.ana, again, "proposal", {"action": "give_back"}), 200)
    assert_problem(act(persons.ben, again, "approval"), 409, "payout_state_wrong")


def test_a_deposit_of_the_bank_is_expected_on_its_statement(timed_town: TimedTown, persons: Persons) -> None:
    town, person = timed_town, timed_town.person()
    id_ = fresh_id()
    body = {"id": id_, "to": person, "currency": "CNY", "amount_minor": 4_200}
    done(town.bank.post("/v1/deposits", json=body), 201)
    take_in(town, table(f"{today(town, 10)},0,CNY,,"))
    missing = queue(persons, kind="missing_at_bank", limit=1_000)
    assert [each for each in missing if "42.00 CNY in" in each["reason"]]


def test_a_number_that_no_bank_has_has_no_queue(operator: httpx.Client) -> None:
    for number in (2**31 - 1, 2**31, 2**70):
        assert_problem(operator.get(f"/v1/banks/{number}/breaks"), 404, "institution_unknown")

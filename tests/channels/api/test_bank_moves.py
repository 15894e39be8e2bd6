"""Top-ups and withdrawals, with a bank that is a process of its own and misbehaves when it is told to."""

import asyncio
import os
import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import httpx
import pytest

from karez.core.clock import SimulatedClock, SystemClock
from karez.ledger.client import BookClient
from karez.services.payments.banks.connector import BankConnector
from karez.services.payments.banks.links import sealer
from karez.services.payments.banks.serving import serve_instructions
from karez.services.payments.reconciliation.sealing import sealer_for_entries
from karez.services.payments.reconciliation.working import Desk, work_once
from karez.services.payments.wallets.bank_moves import SETTLERS
from karez.storage.database import Database, connect
from tests.channels.api.making import DAY_NS, HARBOUR_BANK, HILL_BANK, World, assert_problem, fresh_id
from tests.channels.api.town import Town, done
from tests.simulators.bank_process import BALANCE_MINOR, SECRET, BankProcess

ENDED = {"succeeded", "declined"}
PATIENCE_S = 60
SEEDS = range(20) if os.environ.get("KAREZ_LONG") else range(1)


@pytest.fixture(scope="module")
def bank(
    world: World, socket_path: Path, town: Town, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[BankProcess]:
    """Harbour Bank's computer, linked, and a worker that instructs it."""
    process = BankProcess(tmp_path_factory.mktemp("bank") / "bank")
    link = {
        "institution": HARBOUR_BANK,
        "base_url": process.url,
        "secret": SECRET,
        "currencies": ["CNY"],
    }
    town.decide("/v1/bank-links", link)
    stop, database = threading.Event(), world.database
    worker = threading.Thread(
        target=serve_instructions,
        args=(database.worker, socket_path, database.secret_key, SystemClock(), stop, SETTLERS),
        kwargs={"call_limit_s": 0.5, "longest_pause_s": 0.05},
    )
    worker.start()
    yield process
    stop.set()
    worker.join()
    process.close()


def move(town: Town, party: str, path: str, account: str, amount_minor: int) -> httpx.Response:
    """Ask for a top-up or a withdrawal."""
    body = {
        "id": fresh_id(),
        "bank": HARBOUR_BANK,
        "account": account,
        "currency": "CNY",
        "amount_minor": amount_minor,
    }
    return town.act(party, path, body)


def ended(town: Town, party: str, answer: httpx.Response) -> str:
    """Wait until the bank has decided, and return what it has."""
    id_ = done(answer, 201).json()["id"]
    limit_s = time.monotonic() + PATIENCE_S
    while time.monotonic() < limit_s:
        read = town.bank.get(f"/v1/bank-moves/{id_}", headers={"Acting-For": party})
        if (state := str(done(read, 200).json()["state"])) in ENDED:
            return state
        time.sleep(0.05)
    raise AssertionError("the bank has not decided")


def test_money_comes_from_the_bank_and_goes_back(town: Town, bank: BankProcess) -> None:
    person, account = town.person(), bank.customer()
    assert ended(town, person, move(town, person, "/v1/top-ups", account, 5_000)) == "succeeded"
    assert (town.wallet(person)["available_minor"], bank.balance(account)) == (5_000, BALANCE_MINOR - 5_000)
    assert ended(town, person, move(town, person, "/v1/withdrawals", account, 2_000)) == "succeeded"
    assert (town.wallet(person)["available_minor"], bank.balance(account)) == (3_000, BALANCE_MINOR - 3_000)


def test_what_the_bank_declines_leaves_the_wallet_as_it_was(town: Town, bank: BankProcess) -> None:
    person, account = town.person(1_000), bank.customer(balance_minor=10)
    assert ended(town, person, move(town, person, "/v1/top-ups", account, 5_000)) == "declined"
    bank.behave(account, "decline")
    assert ended(town, person, move(town, person, "/v1/withdrawals", account, 600)) == "declined"
    wallet = town.wallet(person)
    assert (wallet["available_minor"], wallet["reserved_minor"]) == (1_000, 0)


@pytest.mark.parametrize("seed", SEEDS)
def test_64_withdrawals_at_once_never_exceed_the_balance(town: Town, bank: BankProcess, seed: int) -> None:
    chance = random.Random(seed)
    balance_minor = chance.randint(1, 5_000)
    amounts = [chance.randint(1, 800) for _ in range(64)]
    person, account = town.person(balance_minor), bank.customer()
    with ThreadPoolExecutor(16) as threads:
        answers = list(
            threads.map(lambda amount: move(town, person, "/v1/withdrawals", account, amount), amounts)
        )
    taken = [amount for amount, answer in zip(amounts, answers, strict=True) if answer.status_code == 201]
    left_minor = balance_minor - sum(taken)
    assert left_minor >= 0
    assert all(
        amount > left_minor
        for amount, answer in zip(amounts, answers, strict=True)
        if answer.status_code != 201
    )
    assert {ended(town, person, each) for each in answers if each.status_code == 201} <= {"succeeded"}
    assert town.wallet(person)["available_minor"] == left_minor
    assert bank.balance(account) == BALANCE_MINOR + sum(taken)


def test_of_64_equal_withdrawals_as_many_pass_as_the_balance_has_room_for(
    town: Town, bank: BankProcess
) -> None:
    person, account = town.person(1_000), bank.customer()
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: move(town, person, "/v1/withdrawals", account, 300), range(64)))
    accepted = [answer for answer in answers if answer.status_code == 201]
    assert len(accepted) == 3
    assert {answer.json()["code"] for answer in answers if answer.status_code != 201} == {"balance_too_low"}
    assert {ended(town, person, answer) for answer in accepted} == {"succeeded"}
    assert (town.wallet(person)["available_minor"], bank.balance(account)) == (100, BALANCE_MINOR + 900)


def test_a_bank_that_is_not_linked_takes_no_instructions(town: Town, bank: BankProcess) -> None:
    body = {"id": fresh_id(), "bank": 99, "account": "A1", "currency": "CNY", "amount_minor": 1}
    assert_problem(town.act(town.person(), "/v1/top-ups", body), 422, "bank_not_open")


def test_people_give_up_what_a_bank_does_not_decide_and_say_why(town: Town, bank: BankProcess) -> None:
    person = town.person()
    link = {
        "institution": HILL_BANK,
        "base_url": "http://127.0.0.1:9",
        "secret": SECRET,
        "currencies": ["CNY"],
    }
    town.decide("/v1/bank-links", {**link, "open": True})
    body = {
        "id": fresh_id(),
        "bank": HILL_BANK,
        "account": "A1",
        "currency": "CNY",
        "amount_minor": 100,
    }
    id_ = done(town.act(person, "/v1/top-ups", body), 201).json()["id"]
    town.decide("/v1/bank-links", {**link, "open": False})
    path, reason = f"/v1/bank-instructions/{id_}", {"reason": "The bank says by telephone: never."}

    def ask(what: str, content: object = None) -> httpx.Response:
        return town.operator.post(f"{path}/{what}", json=content, headers={"Idempotency-Key": fresh_id()})

    assert_problem(ask("dismiss", reason), 409, "instruction_not_flagged")
    key = {"Idempotency-Key": fresh_id()}
    given_up = done(town.operator.post(f"{path}/give-up", json=reason, headers=key), 200)
    assert given_up.json()["state"] == "given_up"
    assert town.operator.post(f"{path}/give-up", json=reason, headers=key).content == given_up.content
    assert_problem(ask("give-up", reason), 409, "instruction_ended")
    assert done(ask("ask"), 200).json()["state"] == "given_up"
    assert_problem(town.bank.post(f"{path}/ask", headers=key), 403, "permission_missing")
    assert town.wallet(person)["available_minor"] == 0


def test_the_banks_statement_is_fetched_and_has_what_it_has_moved(
    town: Town, bank: BankProcess, world: World, socket_path: Path
) -> None:
    person, account = town.person(), bank.customer()
    answer = move(town, person, "/v1/top-ups", account, 7_700)
    assert ended(town, person, answer) == "succeeded"
    today = datetime.now(ZoneInfo("Asia/Shanghai")).date()
    town.decide(
        "/v1/statement-sources",
        {"institution": HARBOUR_BANK, "currency": "CNY", "first_day": str(today)},
    )
    in_two_days = SimulatedClock(SystemClock().now_ns() + 2 * DAY_NS)
    work(world.database, socket_path, in_two_days)
    jobs = done(town.operator.get("/v1/reconciliation-jobs", params={"institution": HARBOUR_BANK}), 200)
    assert {(each["kind"], each["state"]) for each in jobs.json()["items"]} == {
        ("import", "done"),
        ("run", "done"),
    }
    (source,) = done(town.operator.get("/v1/statement-sources"), 200).json()["items"]
    assert (source["next_day"] > str(today), source["trouble"]) == (True, None)
    with connect(world.database.owner) as conn:
        row = conn.execute(
            "SELECT settled_rule FROM bank_movement WHERE id = %s", (answer.json()["id"],)
        ).fetchone()
    assert row == ("reference",)


def work(database: Database, socket_path: Path, clock: SimulatedClock) -> None:
    """Let a worker fetch statements and do what follows from it, until nothing is due."""

    async def until_done() -> None:
        book = BookClient(socket_path)
        with connect(database.worker) as conn:
            entries, links = sealer_for_entries(database.secret_key), sealer(database.secret_key)
            desk = Desk(conn, book, clock, entries, lambda: BankConnector(links))
            while await work_once(desk):
                pass
        book.close()

    asyncio.run(until_done())

"""Top-ups and withdrawals, with a bank that is a process of its own and misbehaves when it is told to."""

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from karez.core.clock import SystemClock
from karez.services.payments.banks.serving import serve_instructions
from karez.services.payments.wallets.bank_moves import SETTLERS
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id
from tests.channels.api.town import Town, done
from tests.simulators.bank_process import BALANCE_MINOR, SECRET, BankProcess

ENDED = {"succeeded", "declined"}
PATIENCE_S = 60


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


def test_64_withdrawals_at_once_never_exceed_the_balance(town: Town, bank: BankProcess) -> None:
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

"""A payment for which a bank is asked, on the real book and the real database."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.banks.endings import settled
from karez.services.payments.banks.records import BankChoice, Connection, Instruction, instructions_of
from karez.services.payments.banks.states import State
from karez.services.payments.house import read_house
from karez.services.payments.sources import asking_bank, banked
from karez.services.payments.sources.balance import BalanceFunds
from karez.services.payments.sources.bank_settlers import SETTLERS
from karez.services.payments.sources.banked import BankFunds
from karez.services.payments.sources.door import Source
from karez.services.payments.sources.paying import Payment, pay_from_sources
from karez.services.payments.sources.registry import SOURCES
from karez.services.payments.trades.records import find_trade
from karez.services.payments.wallets.records import find_wallet
from karez.storage.database import connect
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem
from tests.channels.api.test_refunds import refund
from tests.channels.api.town import Town, done


class Cashier:
    """Pays from the balance and a card, and answers as the bank, past the API.

    Args:
        worker: Connection of the worker's login role.
        book_socket: Where the bookkeeper listens.
    """

    def __init__(self, worker: Connection, book_socket: Path) -> None:
        self.worker = worker
        self._book_socket = book_socket

    def pay(self, trade: str, buyer: str, available_minor: int) -> Outcome:
        """Pay from the balance first, then from a card."""
        wallet = accounts.wallet(UUID(buyer), "CNY")
        card = BankFunds("toy card", BankChoice(HARBOUR_BANK, ["CNY"], "open"), "CNY", "token-1")
        payment = Payment(
            find_trade(self.worker, UUID(trade)),
            find_wallet(self.worker, UUID(buyer), "CNY"),
            (BalanceFunds(wallet), card),
        )
        house = read_house(self.worker)
        return self.submit(pay_from_sources(self._asking(), house, payment, {wallet: available_minor}))

    def answer(self, instruction: Instruction, new: State) -> tuple[Outcome, Outcome]:
        """Answer twice, as a bank may, upon the same facts."""
        settler = SETTLERS[instruction.purpose]
        facts, house = settler.read(self.worker, instruction), read_house(self.worker)
        first, second = (
            settled(self._asking(), house, instruction, new, "", settler, facts) for _ in range(2)
        )
        return self.submit(first), self.submit(second)

    def submit(self, operation: Operation) -> Outcome:
        """Have the bookkeeper carry an operation out."""

        async def once() -> Outcome:
            book = BookClient(self._book_socket)
            try:
                return await book.submit(operation)
            finally:
                book.close()

        return asyncio.run(once())

    def instructions(self, trade: str) -> list[Instruction]:
        """Return what the bank was asked about a trade."""
        return instructions_of(self.worker, UUID(trade))

    def _asking(self) -> Asking:
        now_ns = SystemClock().now_ns()
        return Asking(new_id(now_ns), "test", b"", now_ns)


@pytest.fixture
def cashier(
    world: World, town: Town, socket_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Cashier]:
    """A cashier in a town with a source that is a bank's and has no records of its own."""
    card = Source(SOURCES["balance"].read, banked.take_back, is_plain=True)
    monkeypatch.setitem(cast(dict[str, Source], SOURCES), "toy card", card)
    with connect(world.database.worker) as worker:
        yield Cashier(worker, socket_path)


@pytest.mark.parametrize("answer", [State.SUCCEEDED, State.DECLINED, State.GIVEN_UP])
def test_a_bank_that_answers_twice_is_heard_once(town: Town, cashier: Cashier, answer: State) -> None:
    shop, buyer = town.shop(), town.person(2_000)
    trade = town.order(shop, 3_000)
    assert cashier.pay(trade, buyer, 2_000).accepted
    assert town.wallet(buyer)["available_minor"] == 0
    assert_problem(town.act(buyer, f"/v1/trades/{trade}/pay"), 409, "trade_state_wrong")
    (instruction,) = cashier.instructions(trade)
    assert (instruction.purpose, instruction.amount_minor) == (asking_bank.PURPOSE, 1_000)
    first, second = cashier.answer(instruction, answer)
    assert (first.accepted, second.accepted) == (True, False)
    read = town.bank.get(f"/v1/trades/{trade}", headers={"Acting-For": buyer}).json()
    is_paid = answer is State.SUCCEEDED
    assert (read["state"], read["held_minor"]) == (("paid", 3_000) if is_paid else ("created", 0))
    assert town.wallet(buyer)["available_minor"] == (0 if is_paid else 2_000)
    assert town.wallet(buyer)["reserved_minor"] == 0


def test_a_refund_to_a_card_waits_for_the_bank_in_the_wallet(town: Town, cashier: Cashier) -> None:
    shop, buyer = town.shop(), town.person(2_000)
    trade = town.order(shop, 3_000, mode="direct")
    assert cashier.pay(trade, buyer, 2_000).accepted
    (collecting,) = cashier.instructions(trade)
    cashier.answer(collecting, State.SUCCEEDED)
    made = done(refund(town, shop, trade, 1_500), 201).json()
    assert made["parts"] == [
        {"source": "toy card", "amount_minor": 1_000},
        {"source": "balance", "amount_minor": 500},
    ]
    wallet = town.wallet(buyer)
    assert (wallet["available_minor"], wallet["reserved_minor"]) == (500, 1_000)
    (_, paying_out) = cashier.instructions(trade)
    first, second = cashier.answer(paying_out, State.DECLINED)
    assert (first.accepted, second.accepted) == (True, False)
    assert town.wallet(buyer)["available_minor"] == 1_500

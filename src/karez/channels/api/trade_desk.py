"""Where the steps of trades are taken: requests that arrive together are read, decided and booked together.

A single request is a batch of one that meets others on its way: their facts are read by one statement, and their
operations travel to the bookkeeper at once. A step that loses a race is decided again upon new facts.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from karez.channels.api.asking import Asked, asked, earlier_replies, has_lost_race
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import CallerDatabase
from karez.channels.api.house_keeper import HouseKeeper
from karez.core.clock import Clock
from karez.core.outcomes import Rejected
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.refusals import explain
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.reading_many import trades_and_wallets
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.records import Wallet

Action = Literal["pay", "ship", "confirm"]
Done = bytes | Rejected
"""The stored reply of a step, or why it was refused."""

_TOGETHER_MAX = 1_000
_UNDER_WAY_MAX = 2
"""One batch can be read and decided while another one is committed; with more, each would be smaller."""
_TRIES_MAX = 64


@dataclass(slots=True)
class _Step:
    action: Action
    trade: UUID
    party: UUID
    ask: Asked
    done: asyncio.Future[Done]
    tries: int = field(default=0)


class TradeDesk:
    """Takes the steps of one web process.

    Args:
        book: The bookkeeper.
        database: Where facts are read.
        house_keeper: Knows the payment house.
        clock: Tells the time.
    """

    def __init__(
        self, book: BookClient, database: CallerDatabase, house_keeper: HouseKeeper, clock: Clock
    ) -> None:
        self._book = book
        self._database = database
        self._house_keeper = house_keeper
        self._clock = clock
        self._waiting: list[_Step] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(self, caller: Caller, action: Action, trade: UUID, party: UUID, key: UUID | None) -> bytes:
        """Take one step for a party for whom the caller may act, and return the operation's reply.

        Args:
            caller: Who asks.
            action: What is to be done.
            trade: To which trade.
            party: For whom: the buyer or the shop.
            key: The ``Idempotency-Key``.

        Rejections: those of the step's rule, and the book's in the words of ``explain``.
        """
        done = await self._put(caller, action, trade, party, key)
        if isinstance(done, Rejected):
            raise done
        return done

    async def steps(
        self, caller: Caller, steps: Sequence[tuple[Action, UUID, UUID, UUID | None]]
    ) -> list[Done]:
        """Take many steps, each with an outcome of its own.

        Args:
            caller: Who asks; may act for every party.
            steps: Action, trade, party and key of each.
        """
        return list(await asyncio.gather(*(self._put(caller, *step) for step in steps)))

    def _put(
        self, caller: Caller, action: Action, trade: UUID, party: UUID, key: UUID | None
    ) -> asyncio.Future[Done]:
        loop = asyncio.get_running_loop()
        ask = asked(caller, party, f"trade.{action}/{trade}", b"", key)
        step = _Step(action, trade, party, ask, loop.create_future())
        if not self._waiting:
            # Whoever arrives in the same turn of the loop comes along.
            loop.call_soon(self._start)
        self._waiting.append(step)
        return step.done

    def _start(self) -> None:
        if self._waiting and len(self._under_way) < _UNDER_WAY_MAX:
            together, self._waiting = self._waiting[:_TOGETHER_MAX], self._waiting[_TOGETHER_MAX:]
            task = asyncio.ensure_future(self._serve(together))
            self._under_way.add(task)
            task.add_done_callback(self._next)

    def _next(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._start()

    async def _serve(self, steps: list[_Step]) -> None:
        try:
            while steps:
                steps = await self._try(steps)
        except Exception as trouble:
            for step in steps:
                if not step.done.done():
                    step.done.set_exception(trouble)

    async def _try(self, steps: list[_Step]) -> list[_Step]:
        """Do what can be done and return what lost a race."""
        pairs = [(step.trade, step.party) for step in steps]
        facts = await self._database.as_operator(lambda conn: trades_and_wallets(conn, pairs))
        house = await self._house_keeper.house()
        if any(found is not None and found[0].currency not in house.currencies for found in facts):
            house = await self._house_keeper.read_again()
        now_ns = self._clock.now_ns()
        made: list[tuple[_Step, Operation]] = []
        refused: list[tuple[_Step, Rejected]] = []
        for step, found in zip(steps, facts, strict=True):
            try:
                made.append((step, _decide(step, house, found, now_ns)))
            except Rejected as rejection:
                refused.append((step, rejection))
        await self._answer_refused(refused)
        outcomes = await asyncio.gather(*(self._book.submit(operation) for _, operation in made))
        lost = []
        for (step, operation), outcome in zip(made, outcomes, strict=True):
            step.tries += 1
            if outcome.accepted:
                _tell(step, bytes(outcome.reply))
            elif step.tries < _TRIES_MAX and has_lost_race(operation, outcome):
                lost.append(step)
            else:
                _tell(step, explain(operation, outcome))
        return lost

    async def _answer_refused(self, refused: list[tuple[_Step, Rejected]]) -> None:
        """Answer what a rule refuses, unless it was carried out before and is refused for that reason."""
        if not refused:
            return
        asks = [step.ask for step, _ in refused]
        earlier = await self._database.as_operator(lambda conn: earlier_replies(conn, asks))
        for step, rejection in refused:
            _tell(step, earlier.get(step.ask.id, rejection))


def _tell(step: _Step, done: Done) -> None:
    if not step.done.done():
        step.done.set_result(done)


def _decide(step: _Step, house: House, found: tuple[Trade, Wallet | None] | None, now_ns: int) -> Operation:
    asking = Asking(step.ask.id, step.ask.actor, step.ask.fingerprint, now_ns)
    if found is None:
        raise Rejected("trade_not_found", f"There is no trade {step.trade} that you may see; look its id up.")
    trade, wallet = found
    if step.action == "ship":
        return trades.ship(asking, trade, step.party)
    if step.action == "confirm":
        return trades.confirm(asking, house, trade, step.party)
    if wallet is None:
        raise Rejected(
            "wallet_not_found", f"There is no wallet in {trade.currency} for {step.party}; open one first."
        )
    return trades.pay_from_balance(asking, house, trade, wallet)

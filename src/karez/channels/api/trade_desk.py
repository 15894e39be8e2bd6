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
from karez.channels.api.fraud_guard import FraudGuard, Screened, to_judge
from karez.channels.api.house_keeper import HouseKeeper
from karez.core.clock import Clock
from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.client import BookClient
from karez.ledger.operations import Operation, Outcome
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import Fingerprints
from karez.services.payments.fraud.paid_trades import trade_attempt
from karez.services.payments.fraud.screening import StopReceipt, ToJudge, stop_of
from karez.services.payments.house import House
from karez.services.payments.refusals import explain, is_short_for_a_change
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
    device: Fingerprints
    ask: Asked
    done: asyncio.Future[Done]
    tries: int = field(default=0)
    was_short: bool = field(default=False)


_Stopped = list[tuple[_Step, StopReceipt]]


class TradeDesk:
    """Takes the steps of one web process.

    Args:
        book: The bookkeeper.
        database: Where facts are read.
        house_keeper: Knows the payment house.
        guard: Judges payments.
        clock: Tells the time.
    """

    def __init__(
        self,
        book: BookClient,
        database: CallerDatabase,
        house_keeper: HouseKeeper,
        guard: FraudGuard,
        clock: Clock,
    ) -> None:
        self._book = book
        self._database = database
        self._house_keeper = house_keeper
        self._guard = guard
        self._clock = clock
        self._waiting: list[_Step] = []
        self._under_way: set[asyncio.Task[None]] = set()

    async def step(
        self,
        caller: Caller,
        action: Action,
        trade: UUID,
        party: UUID,
        key: UUID | None,
        device: Fingerprints = (),
    ) -> bytes:
        """Take one step for a party for whom the caller may act, and return the operation's reply.

        Args:
            caller: Who asks.
            action: What is to be done.
            trade: To which trade.
            party: For whom: the buyer or the shop.
            key: The ``Idempotency-Key``.
            device: On which it is paid.

        Rejections: those of the step's rule, and the book's in the words of ``explain``; of a payment
            ``payment_refused``, ``payment_needs_confirmation``.
        """
        done = await self._put(caller, action, trade, party, key, device)
        if isinstance(done, Rejected):
            raise done
        return done

    async def steps(
        self, caller: Caller, steps: Sequence[tuple[Action, UUID, UUID, UUID | None, Fingerprints]]
    ) -> list[Done]:
        """Take many steps, each with an outcome of its own.

        Args:
            caller: Who asks; may act for every party.
            steps: Action, trade, party, key and device of each.
        """
        return list(await asyncio.gather(*(self._put(caller, *step) for step in steps)))

    def _put(
        self,
        caller: Caller,
        action: Action,
        trade: UUID,
        party: UUID,
        key: UUID | None,
        device: Fingerprints,
    ) -> asyncio.Future[Done]:
        loop = asyncio.get_running_loop()
        ask = asked(caller, party, f"trade.{action}/{trade}", b"", key)
        step = _Step(action, trade, party, device, ask, loop.create_future())
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
        payments: list[tuple[_Step, ToJudge]] = []
        refused: list[tuple[_Step, Rejected]] = []
        for step, found in zip(steps, facts, strict=True):
            try:
                operation = _decide(step, house, found, now_ns)
            except Rejected as rejection:
                refused.append((step, rejection))
            else:
                if step.action == "pay" and found is not None:
                    payments.append((step, _to_judge(step, found[0], operation, now_ns)))
                else:
                    made.append((step, operation))
        stopped = await self._answer_refused(refused)
        screened = await self._screen(house, payments)
        made += [(step, each.operation) for (step, _), each in zip(payments, screened, strict=bool(screened))]
        outcomes = await self._book.submit_many([operation for _, operation in made])
        await self._keep_stopped(screened, made, outcomes)
        lost = []
        for (step, operation), outcome in zip(made, outcomes, strict=True):
            step.tries += 1
            if outcome.accepted:
                _tell(step, bytes(outcome.reply), stopped)
            elif step.tries < _TRIES_MAX and has_lost_race(operation, outcome):
                lost.append(step)
            elif not step.was_short and is_short_for_a_change(operation, outcome):
                step.was_short = True
                lost.append(step)
            else:
                _tell(step, explain(operation, outcome), stopped)
        return lost + await self._answer_stopped(stopped)

    async def _screen(self, house: House, payments: list[tuple[_Step, ToJudge]]) -> list[Screened]:
        """Judge payments; where that cannot be done, the other steps go on without them."""
        if not payments:
            return []
        try:
            return await self._guard.screen(house, [each for _, each in payments])
        except Unavailable as trouble:
            for step, _ in payments:
                if not step.done.done():
                    step.done.set_exception(trouble)
            return []

    async def _keep_stopped(
        self, screened: list[Screened], made: list[tuple[_Step, Operation]], outcomes: list[Outcome]
    ) -> None:
        """Keep what the book refused for an exact rule; payments are the last of what was made."""
        for place, each in enumerate(screened, len(made) - len(screened)):
            operation = each.stopped_by(outcomes[place])
            if operation is not None:
                made[place] = made[place][0], operation
                outcomes[place] = await self._book.submit(operation)

    async def _answer_stopped(self, stopped: _Stopped) -> list[_Step]:
        """Answer payments that were stopped, and return those that go on because they were confirmed."""
        if not stopped:
            return []
        told = await self._guard.confirmed([(step.ask, receipt) for step, receipt in stopped])
        going_on = []
        for (step, _), ask in zip(stopped, told, strict=True):
            if isinstance(ask, Rejected):
                _tell(step, ask, stopped)
            else:
                step.ask = ask
                going_on.append(step)
        return going_on

    async def _answer_refused(self, refused: list[tuple[_Step, Rejected]]) -> _Stopped:
        """Answer what a rule refuses, unless it was carried out before and is refused for that reason.

        Returned is what was stopped before.
        """
        stopped: _Stopped = []
        if not refused:
            return stopped
        asks = [step.ask for step, _ in refused]
        earlier = await self._database.as_operator(lambda conn: earlier_replies(conn, asks))
        for step, rejection in refused:
            _tell(step, earlier.get(step.ask.id, rejection), stopped)
        return stopped


def _tell(step: _Step, done: Done, stopped: _Stopped) -> None:
    """Answer a step, or put it aside with those that were stopped if that is what its reply tells."""
    receipt = stop_of(done) if step.action == "pay" and isinstance(done, bytes) else None
    if receipt is not None:
        stopped.append((step, receipt))
    elif not step.done.done():
        step.done.set_result(done)


def _to_judge(step: _Step, trade: Trade, operation: Operation, now_ns: int) -> ToJudge:
    asking = Asking(step.ask.id, step.ask.actor, step.ask.fingerprint, now_ns)
    return to_judge(step.ask, asking, trade_attempt(asking, trade, step.party, step.device), operation)


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

"""What clients do, over and over: each errand repeats its requests with the same ids until it has an answer."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import msgspec

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from karez.ledger.model import AMOUNT_MAX, Status, Transfer, TransferFlags
from karez.ledger.operations import Event, Operation, Outcome, RowInsert
from tests.faults.callers import BookCaller, HttpCaller, NotAnswered, Reply
from tests.faults.gate import Gate
from tests.faults.journal import Answer, Journal, OperationAnswer, TransferAnswer
from tests.faults.world import CNY, COUPON, EFFECT_TABLE, World

OPERATION_KIND = "fault.pay"
OPERATION_TOPIC = "fault.paid"
OPERATION_TRANSFERS = 2
"""How many transfers an operation makes."""

_LINKED, _PENDING = int(TransferFlags.LINKED), int(TransferFlags.PENDING)
_POST, _VOID = int(TransferFlags.POST), int(TransferFlags.VOID)
_PAUSE_S_MAX = 0.4


@dataclass(slots=True)
class Client:
    """One of many clients, who does one thing at a time.

    Attributes:
        world: Whom it may pay.
        chance: Its own dice.
        http: One way to the book.
        book: The other.
        journal: Where it writes down every answer.
        gate: What it passes at every attempt.
    """

    world: World
    chance: random.Random
    http: HttpCaller
    book: BookCaller
    journal: Journal
    gate: Gate

    async def transfers(
        self, ask: Callable[[], Awaitable[Reply | list[Reply]]], *transfers: Transfer
    ) -> list[Reply]:
        """Repeat a request until it is answered; on return the answers are written down."""
        while True:
            async with self.gate:
                try:
                    answer = await ask()
                except NotAnswered:
                    pass
                else:
                    replies = answer if isinstance(answer, list) else [answer]
                    answers = map(_transfer_answer, transfers, replies)
                    self.journal.append(*answers)
                    return replies
            await self.wait_a_little()

    async def one(self, transfer: Transfer) -> Reply:
        """Have one transfer made, in either way."""
        ask = self.chance.choice((self.http.transfer, self.book.transfer))
        (reply,) = await self.transfers(lambda: ask(transfer), transfer)
        return reply

    async def operation(self, make: Callable[[], Operation], answer_of: Callable[[Outcome], Answer]) -> None:
        """Repeat an operation until it is answered, made anew at every attempt as a service does."""
        while True:
            async with self.gate:
                try:
                    outcome = await self.book.submit(make())
                except NotAnswered:
                    pass
                else:
                    self.journal.append(answer_of(outcome))
                    return
            await self.wait_a_little()

    async def wait_a_little(self) -> None:
        """Give a system that does not answer a moment."""
        await asyncio.sleep(self.chance.uniform(0, _PAUSE_S_MAX))

    def shop(self) -> UUID:
        """Choose a shop."""
        return self.chance.choice(self.world.shops)

    def wallet(self) -> UUID:
        """Choose a wallet."""
        return self.chance.choice(self.world.wallets)


Errand = Callable[[Client], Awaitable[None]]


async def pay_one(client: Client) -> None:
    """A merchant's single payment."""
    payment = transfer(client.world.mint, client.shop(), client.chance.randint(1, 500))
    await client.transfers(lambda: client.http.transfer(payment), payment)


async def pay_many(client: Client) -> None:
    """A merchant's batch."""
    batch = [transfer(client.world.mint, client.shop(), client.chance.randint(1, 500)) for _ in range(25)]
    await client.transfers(lambda: client.http.transfers(batch), *batch)


async def spend(client: Client) -> None:
    """A payment from a wallet that many empty at the same time."""
    await client.one(transfer(client.wallet(), client.shop(), client.chance.randint(1, 60)))


async def spend_many(client: Client) -> None:
    """Many payments from one wallet at once, of which it has enough for a few."""
    wallet = client.wallet()
    batch = [transfer(wallet, client.shop(), client.chance.randint(1, 60)) for _ in range(8)]
    ask = client.chance.choice((client.http.transfers, client.book.transfers))
    await client.transfers(lambda: ask(batch), *batch)


async def spend_with_coupon(client: Client) -> None:
    """Money and a coupon, both or neither."""
    world = client.world
    chain = [
        transfer(client.wallet(), client.shop(), client.chance.randint(1, 60), flags=_LINKED),
        transfer(world.budget, world.holder, 1, ledger=COUPON),
    ]
    ask = client.chance.choice((client.http.transfers, client.book.transfers))

    async def ask_for_both() -> list[Reply]:
        first, second = await ask(chain)
        if first.status == Status.CREATED.code and second.status == Status.LINKED_EVENT_FAILED.code:
            # The book stops reading a repeated chain at its first transfer, which exists; so do the others then.
            second = Reply(Status.CREATED.code)
        return [first, second]

    await client.transfers(ask_for_both, *chain)


async def top_up(client: Client) -> None:
    """Fresh money for a wallet, or fresh coupons, never enough for all who want it."""
    world = client.world
    if client.chance.random() < 0.3:
        await client.one(transfer(world.press, world.budget, client.chance.randint(1, 4), ledger=COUPON))
    else:
        await client.one(transfer(world.mint, client.wallet(), client.chance.randint(1, 200)))


async def reserve_and_settle(client: Client) -> None:
    """A reservation that two parties settle at the same time, or that nobody settles before its time is over."""
    payer = client.chance.choice((client.world.mint, client.wallet()))
    amount = client.chance.randint(2, 60)
    timeout_s = client.chance.choice((0, 0, 1, 60))
    reservation = transfer(payer, client.shop(), amount, flags=_PENDING, timeout_s=timeout_s)
    reply = await client.one(reservation)
    if reply.status != Status.CREATED.code:
        return
    if timeout_s == 1 and client.chance.random() < 0.5:
        return
    part = client.chance.randint(1, amount)
    both = (_settling(reservation, _POST, part), _settling(reservation, _VOID, amount))
    await asyncio.gather(*map(client.one, both if client.chance.random() < 0.5 else both[:1]))


async def carry_out(client: Client) -> None:
    """A service's operation: money, a fee, a row and an event, under an id that stays."""
    payer = client.wallet() if client.chance.random() < 0.2 else client.world.mint
    payee, amount = client.shop(), client.chance.randint(1, 60)
    id_ = new_id(SystemClock().now_ns())

    def answer_of(outcome: Outcome) -> OperationAnswer:
        return OperationAnswer(
            id=id_,
            payer=payer,
            payee=payee,
            amount=amount,
            accepted=outcome.accepted,
            code=outcome.code,
            reply=bytes(outcome.reply).decode(),
        )

    await client.operation(lambda: paying(client.world, id_, payer, payee, amount), answer_of)


def paying(world: World, id_: UUID, payer: UUID, payee: UUID, amount: int) -> Operation:
    """Make an operation of which only the id stays the same from attempt to attempt."""
    transfers = (transfer(payer, payee, amount), transfer(payee, world.mint, 1))
    return Operation(
        id=id_,
        kind=OPERATION_KIND,
        actor="fault tests",
        fingerprint=b"fault",
        reply=msgspec.Raw(msgspec.json.encode({"transfers": [each.id for each in transfers]})),
        institution=world.institution,
        transfers=transfers,
        rows=(
            RowInsert(
                table=EFFECT_TABLE,
                key={"id": str(uuid4())},
                values={"operation_id": str(id_), "amount": amount},
            ),
        ),
        events=(Event(id=transfers[1].id, topic=OPERATION_TOPIC, payload=msgspec.Raw(b"{}")),),
    )


def transfer(
    debit: UUID, credit: UUID, amount: int, flags: int = 0, ledger: int = CNY, timeout_s: int = 0
) -> Transfer:
    """Make a transfer with a new id."""
    return Transfer(
        id=new_id(SystemClock().now_ns()),
        debit_account_id=debit,
        credit_account_id=credit,
        amount=amount,
        ledger=ledger,
        code=1,
        flags=flags,
        timeout_s=timeout_s,
    )


def _settling(reservation: Transfer, flag: int, amount: int) -> Transfer:
    settled = transfer(reservation.debit_account_id, reservation.credit_account_id, amount, flags=flag)
    return msgspec.structs.replace(settled, pending_id=reservation.id)


def _transfer_answer(asked: Transfer, reply: Reply) -> TransferAnswer:
    assert asked.amount < AMOUNT_MAX
    return TransferAnswer(
        id=asked.id,
        debit=asked.debit_account_id,
        credit=asked.credit_account_id,
        amount=asked.amount,
        ledger=asked.ledger,
        flags=asked.flags,
        pending_id=asked.pending_id,
        timeout_s=asked.timeout_s,
        status=reply.status,
        timestamp_ns=reply.timestamp_ns,
    )


EVERY_ERRAND: Sequence[Errand] = (
    pay_one,
    pay_many,
    spend,
    spend_many,
    spend_with_coupon,
    top_up,
    reserve_and_settle,
    carry_out,
)

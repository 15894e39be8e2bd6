"""Many trades in one request: paying, shipping and confirming, each with an outcome of its own."""

import asyncio
from collections.abc import Mapping
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
import psycopg
from litestar import Response, post
from msgspec import Meta

from karez.channels.api.acting import check_represented
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body
from karez.channels.api.caller import Caller
from karez.channels.api.carrying import LOST_RACES, Asked, asked, earlier_replies
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, PartyId
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import json_reply
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.refusals import explain
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.operations import TradeReceipt
from karez.services.payments.trades.reading_many import trades_and_wallets
from karez.services.payments.trades.records import Trade
from karez.services.payments.wallets.records import Wallet

ITEMS_MAX = 1_000

_TRIES_MAX = 8

Facts = tuple[Trade, Wallet | None] | None


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be done to one trade.

    Attributes:
        party: For whom: the buyer or the shop.
    """

    action: Literal["pay", "ship", "confirm"]
    trade: Annotated[UUID, Meta(description="Id of a trade.")]
    party: PartyId


class StepDone(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one step: a receipt, or the code and sentence of its refusal."""

    receipt: TradeReceipt | None = None
    code: str | None = None
    sentence: str | None = None


class _EncodedStep(msgspec.Struct, frozen=True, kw_only=True):
    """A ``StepDone`` whose receipt is the stored reply as it is."""

    receipt: msgspec.Raw = msgspec.Raw(b"null")
    code: str | None = None
    sentence: str | None = None


class StepsDone(msgspec.Struct, frozen=True):
    """What became of each step, in order."""

    items: list[StepDone]


_EXAMPLE = [{"action": "pay", "trade": EXAMPLE_IDS[5], "party": EXAMPLE_IDS[6]}]
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "reference": "order-2026-000123",
    "state": "paid",
    "currency": "CNY",
    "amount_minor": 12_300,
    "held_minor": 12_300,
    "released_minor": 0,
    "returned_minor": 0,
}
_EXAMPLE_DONE = {"receipt": _EXAMPLE_RECEIPT, "code": None, "sentence": None}
_STEPS: Body[Annotated[list[Step], Meta(min_length=1, max_length=ITEMS_MAX)]] = Body(
    Annotated[list[Step], Meta(min_length=1, max_length=ITEMS_MAX)], _EXAMPLE, LARGE_SIZE_MAX_BYTES
)


@post(
    "/v1/trades/batch",
    status_code=200,
    request_max_body_size=LARGE_SIZE_MAX_BYTES,
    opt={
        KEY: Documentation(
            name="stepTrades",
            topic="Trades",
            summary="Pay, ship and confirm many trades, for the people and shops of the calling institution",
            description="Each step stands for itself. A step that was done before, here or alone without an"
            " `Idempotency-Key`, gets the same receipt again.",
            access=Permission.PAYMENTS_WRITE,
            body=_STEPS,
            answers={200: Answer("What became of each step", StepsDone, {"items": [_EXAMPLE_DONE]})},
            refusals=(*OPERATION_REFUSALS, "party_unknown", "party_not_active", "institution_needed"),
        )
    },
)
async def step_trades(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Carry out many steps."""
    steps = await _STEPS.read(request)
    await check_represented(services, caller, [step.party for step in steps])
    return json_reply({"items": await _Steps(services, caller, steps).carry_out()})


class _Steps:
    """Steps on their way; what loses a race is decided again, upon facts that are read again."""

    def __init__(self, services: Services, caller: Caller, steps: list[Step]) -> None:
        self._services = services
        self._steps = steps
        self._asked = [
            asked(caller, step.party, f"trade.{step.action}/{step.trade}", b"", None) for step in steps
        ]
        self._done: dict[int, _EncodedStep] = {}

    async def carry_out(self) -> list[_EncodedStep]:
        house = await self._services.house_keeper.house()
        left = list(range(len(self._steps)))
        for _ in range(_TRIES_MAX):
            left = await self._try(house, left)
            if not left:
                break
        for place in left:
            self._refuse(
                place, Rejected("trade_busy", "Others changed this trade again and again; repeat the step.")
            )
        return [self._done[place] for place in range(len(self._steps))]

    async def _try(self, house: House, places: list[int]) -> list[int]:
        """Do what can be done and return the places of what lost a race."""
        pairs = [(self._steps[place].trade, self._steps[place].party) for place in places]
        facts = await self._services.database.as_operator(lambda conn: trades_and_wallets(conn, pairs))
        now_ns = self._services.clock.now_ns()
        made: dict[int, Operation] = {}
        refused: dict[int, Rejected] = {}
        for place, found in zip(places, facts, strict=True):
            ask = self._asked[place]
            asking = Asking(ask.id, ask.actor, ask.fingerprint, now_ns)
            try:
                made[place] = _decide(asking, house, self._steps[place], found)
            except Rejected as rejection:
                refused[place] = rejection
        await self._answer_refused(refused)
        outcomes = await asyncio.gather(
            *(self._services.book.submit(operation) for operation in made.values())
        )
        lost = []
        for (place, operation), outcome in zip(made.items(), outcomes, strict=True):
            if outcome.accepted:
                self._done[place] = _EncodedStep(receipt=outcome.reply)
            elif outcome.code in LOST_RACES:
                lost.append(place)
            else:
                self._refuse(place, explain(operation, outcome))
        return lost

    async def _answer_refused(self, refused: Mapping[int, Rejected]) -> None:
        """Answer what a rule refuses, unless it was carried out before and is refused for that reason."""
        if not refused:
            return
        again: list[Asked] = [self._asked[place] for place in refused]

        def read(conn: psycopg.Connection[Any]) -> dict[UUID, bytes]:
            return earlier_replies(conn, again)

        earlier = await self._services.database.as_operator(read)
        for place, rejection in refused.items():
            reply = earlier.get(self._asked[place].id)
            if reply is None:
                self._refuse(place, rejection)
            else:
                self._done[place] = _EncodedStep(receipt=msgspec.Raw(reply))

    def _refuse(self, place: int, rejection: Rejected) -> None:
        self._done[place] = _EncodedStep(code=rejection.code, sentence=rejection.sentence)


def _decide(asking: Asking, house: House, step: Step, found: Facts) -> Operation:
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


HANDLERS = (step_trades,)

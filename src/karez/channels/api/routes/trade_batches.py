"""Many trades in one request: paying, shipping and confirming, each with an outcome of its own."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, post
from msgspec import Meta

from karez.channels.api.acting import check_represented
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body
from karez.channels.api.devices import DEVICE_PATTERN, read_device
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, PartyId
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import json_reply
from karez.channels.api.trade_desk import Done
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.trades.changes import TradeReceipt

ITEMS_MAX = 1_000


class Step(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be done to one trade.

    Attributes:
        id: Your own new id for the step, best a UUID of version 7, like an `Idempotency-Key`. Left out, a step is
            the same one for ever.
        party: For whom: the buyer or the shop.
        device: On which it is paid, like the header `Device-Id`.
    """

    id: UUID | None = None
    action: Literal["pay", "ship", "confirm"]
    trade: Annotated[UUID, Meta(description="Id of a trade.")]
    party: PartyId
    device: Annotated[str, Meta(pattern=DEVICE_PATTERN)] | None = None


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
    done = await services.trade_desk.steps(
        caller,
        [
            (step.action, step.trade, step.party, step.id, read_device(services, step.device))
            for step in steps
        ],
    )
    return json_reply({"items": [_encoded(each) for each in done]})


def _encoded(done: Done) -> _EncodedStep:
    if isinstance(done, Rejected):
        return _EncodedStep(code=done.code, sentence=done.sentence)
    return _EncodedStep(receipt=msgspec.Raw(done))


HANDLERS = (step_trades,)

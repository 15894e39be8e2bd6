"""What people do where a bank's answers do not settle an instruction: look, ask at once, give up, dismiss."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, needed_key
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, InstitutionNumber, Moment, PageSize, Text
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.banks.endings import InstructionReceipt
from karez.services.payments.banks.interventions import ask_again, dismiss, give_up
from karez.services.payments.banks.records import Instruction, find_instruction, flagged_instructions
from karez.services.payments.banks.states import OPEN
from karez.services.payments.house import House
from karez.services.payments.settlers import SETTLERS

_LATEST_NS = 2**63 - 1


class FlaggedQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which instructions.

    Attributes:
        before: Flagged before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


class FlaggedView(msgspec.Struct, frozen=True, kw_only=True):
    """An instruction that people should look at.

    Attributes:
        purpose: What it is for.
        code: What the bank said last, or why there was no answer.
        attempts: How often the bank was called.
    """

    id: UUID
    bank: InstitutionNumber
    party: UUID
    direction: str
    purpose: str
    currency: str
    amount_minor: int
    state: str
    code: str
    attempts: int
    created: Moment
    flagged: Moment


class FlaggedPage(msgspec.Struct, frozen=True):
    """Instructions that people should look at, the latest first."""

    items: list[FlaggedView]
    next_before: Moment | None


class Reason(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Why."""

    reason: Text


class Facts(NamedTuple):
    """An instruction, and what the settler of its purpose has read."""

    instruction: Instruction
    read: Any


Decide = Callable[[Asking, House, Facts], Operation]

_EXAMPLE = {
    "id": EXAMPLE_IDS[8],
    "bank": 2,
    "party": EXAMPLE_IDS[6],
    "direction": "collect",
    "purpose": "top_up",
    "currency": "CNY",
    "amount_minor": 100_000,
    "state": "unknown",
    "code": "timed_out",
    "attempts": 12,
    "created": EXAMPLE_MOMENT,
    "flagged": EXAMPLE_MOMENT,
}
_RECEIPT = {"id": EXAMPLE_IDS[8], "state": "unknown", "answer_code": "timed_out"}
_QUERY = Query(FlaggedQuery)
_REASON: Body[Reason] = Body(Reason, {"reason": "The bank says by telephone that it has never seen it."})
_REFUSALS = (*OPERATION_REFUSALS, "idempotency_key_missing", "instruction_not_found", "row_state_changed")


@get(
    "/v1/flagged-instructions",
    opt={
        KEY: Documentation(
            name="listFlaggedInstructions",
            topic="Banks",
            summary="List the instructions to banks that people should look at, as the operator",
            access=Permission.OPERATOR,
            query=_QUERY,
            answers={200: Answer("A page", FlaggedPage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=("moment_malformed",),
        )
    },
)
async def list_flagged_instructions(request: AnyRequest, services: TheServices) -> Response[bytes]:
    """Return a page of the queue."""
    query = _QUERY.read(request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_operator(
        lambda conn: flagged_instructions(conn, before_ns, query.limit)
    )
    views = [_view(each) for each in found]
    return json_reply(FlaggedPage(views, views[-1].flagged if len(views) == query.limit else None))


@post(
    "/v1/bank-instructions/{instruction_id:uuid}/ask",
    status_code=200,
    opt={
        KEY: Documentation(
            name="askBankAgain",
            topic="Banks",
            summary="Have a bank asked about an instruction at once, as the operator",
            access=Permission.OPERATOR,
            headers=(NEEDED_KEY,),
            answers={200: Answer("It will be asked", InstructionReceipt, _RECEIPT)},
            refusals=(*_REFUSALS, "instruction_ended", "instruction_being_sent"),
        )
    },
)
async def ask_bank_again(
    request: AnyRequest, instruction_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Make an instruction due."""

    def decide(asking: Asking, _: House, facts: Facts) -> Operation:
        return ask_again(asking, facts.instruction)

    return await _carry(request, caller, services, ("ask", instruction_id, b""), decide)


@post(
    "/v1/bank-instructions/{instruction_id:uuid}/give-up",
    status_code=200,
    opt={
        KEY: Documentation(
            name="giveUpInstruction",
            topic="Banks",
            summary="Stop waiting for a bank, as the operator",
            description="For the book it is as if the bank had declined. If it moves the money after all, that is"
            " found and booked.",
            access=Permission.OPERATOR,
            body=_REASON,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Given up", InstructionReceipt, {**_RECEIPT, "state": "given_up"})},
            refusals=(*_REFUSALS, "instruction_ended", "trade_state_wrong", "currency_not_open"),
        )
    },
)
async def give_up_instruction(
    request: AnyRequest, instruction_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """End an instruction as if it were declined."""
    body = await _REASON.read(request)

    def decide(asking: Asking, house: House, facts: Facts) -> Operation:
        settler = SETTLERS[facts.instruction.purpose]
        return give_up(asking, house, facts.instruction, settler, facts.read, body.reason)

    content = msgspec.json.encode(body)
    return await _carry(request, caller, services, ("give_up", instruction_id, content), decide)


@post(
    "/v1/bank-instructions/{instruction_id:uuid}/dismiss",
    status_code=200,
    opt={
        KEY: Documentation(
            name="dismissInstruction",
            topic="Banks",
            summary="Take an ended instruction off the queue of people, as the operator",
            access=Permission.OPERATOR,
            body=_REASON,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Dismissed", InstructionReceipt, {**_RECEIPT, "state": "succeeded_late"})},
            refusals=(*_REFUSALS, "instruction_not_flagged"),
        )
    },
)
async def dismiss_instruction(
    request: AnyRequest, instruction_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Take an instruction off the queue."""
    body = await _REASON.read(request)

    def decide(asking: Asking, _: House, facts: Facts) -> Operation:
        return dismiss(asking, facts.instruction, body.reason)

    content = msgspec.json.encode(body)
    return await _carry(request, caller, services, ("dismiss", instruction_id, content), decide)


async def _carry(
    request: AnyRequest, caller: Caller, services: Services, what: tuple[str, UUID, bytes], decide: Decide
) -> Response[bytes]:
    kind, id_, content = what

    def read(conn: Connection) -> Facts:
        instruction = find_instruction(conn, id_)
        is_open = instruction.standing in OPEN
        return Facts(instruction, SETTLERS[instruction.purpose].read(conn, instruction) if is_open else None)

    reply = await carry(
        services,
        asked(caller, None, f"bank.{kind}/{id_}", content, needed_key(request)),
        lambda: services.database.as_operator(read),
        decide,
    )
    return to_response(Reply(200, reply))


def _view(found: Instruction) -> FlaggedView:
    assert found.flagged_ns is not None, "the queue has what is flagged"
    return FlaggedView(
        id=found.id,
        bank=found.bank,
        party=found.party,
        direction=found.direction,
        purpose=found.purpose,
        currency=found.currency,
        amount_minor=found.amount_minor,
        state=found.state,
        code=found.answer_code,
        attempts=found.attempts,
        created=format_moment(found.created_ns),
        flagged=format_moment(found.flagged_ns),
    )


HANDLERS = (list_flagged_instructions, ask_bank_again, give_up_instruction, dismiss_instruction)

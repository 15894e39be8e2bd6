"""What is heard of a bank besides its answers: its notices, and what a browser brings back from its page.

Neither is believed. Both are signed by the bank, and have it asked at once; only its answer moves money.
"""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, post
from msgspec import Meta

from karez.channels.api.asking import Asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import json_reply
from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.services.payments.banks.interventions import ask_again
from karez.services.payments.banks.links import read_secret
from karez.services.payments.banks.messages import Standing
from karez.services.payments.banks.records import Instruction, find_instruction
from karez.services.payments.banks.signatures import is_request_signed, is_return_signed

_SETTLED = frozenset({"instruction_ended", "instruction_being_sent"})


class BankReturn(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the bank's page has put into the address that a browser came back to.

    Attributes:
        instruction: What the bank was asked.
        state: What it says there.
        signature: The bank's.
    """

    instruction: UUID
    state: Annotated[str, Meta(min_length=1, max_length=40)]
    signature: Annotated[str, Meta(min_length=1, max_length=128)]


class InstructionView(msgspec.Struct, frozen=True, kw_only=True):
    """How an instruction stands in Karez, whatever was said of it."""

    id: UUID
    state: str


_RETURN: Body[BankReturn] = Body(
    BankReturn, {"instruction": EXAMPLE_IDS[8], "state": "succeeded", "signature": "0f" * 32}
)
_NOTICE: Body[Standing] = Body(
    Standing,
    {
        "id": EXAMPLE_IDS[8],
        "kind": "debit",
        "amount_minor": 1_000,
        "currency": "CNY",
        "state": "succeeded",
    },
)
_VIEW = {"id": EXAMPLE_IDS[8], "state": "processing"}
_REFUSALS = (*OPERATION_REFUSALS, "bank_signature_wrong")


@post(
    "/v1/bank-returns",
    status_code=200,
    opt={
        KEY: Documentation(
            name="takeBankReturn",
            topic="Banks",
            summary="Hand over what a browser has brought back from a bank's page",
            description="The bank is asked at once, and its answer alone counts: read the trade to see how it ended.",
            access="any credential",
            body=_RETURN,
            answers={200: Answer("Heard; so it stands now", InstructionView, _VIEW)},
            refusals=_REFUSALS,
        )
    },
)
async def take_bank_return(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Have the bank asked about what a browser says."""
    body = await _RETURN.read(request)
    found, secret = await _found(services, body.instruction)
    if found is None or not is_return_signed(secret, str(body.instruction), body.state, body.signature):
        raise Rejected(
            "bank_signature_wrong",
            "This was not signed by the instruction's bank; hand over what its page has put into the address.",
        )
    return await _ask(services, found, caller.actor)


@post(
    "/v1/bank-notices",
    status_code=200,
    opt={
        KEY: Documentation(
            name="takeBankNotice",
            topic="Banks",
            summary="Tell how an instruction ended, as a bank that signs what it says",
            description="The bank is asked before anything is believed, so a notice may come twice or not at all.",
            access="public",
            body=_NOTICE,
            answers={200: Answer("Heard; so it stands now", InstructionView, _VIEW)},
            refusals=_REFUSALS,
        )
    },
)
async def take_bank_notice(request: AnyRequest, services: TheServices) -> Response[bytes]:
    """Have a bank asked about what it has to say."""
    body = await request.body()
    told = _NOTICE.decode(body)
    target = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    found, secret = await _found(services, told.id)
    if found is None or not is_request_signed(secret, "POST", target, body, request.headers):
        # Not a word of whether there is such an instruction to those who cannot prove to be its bank.
        raise Rejected(
            "bank_signature_wrong",
            "This is not signed with the secret of the instruction's bank; sign it as requests are signed.",
        )
    return await _ask(services, found, f"bank {found.bank}")


async def _ask(services: Services, found: Instruction, actor: str) -> Response[bytes]:
    """Make the instruction due now; however often that is wanted before it is done, it is one operation."""
    try:
        await carry(
            services,
            Asked(derived_id(found.id, "ask again", found.due_ns or 0), actor, b""),
            lambda: _find(services, found.id),
            lambda asking, _, instruction: ask_again(asking, instruction),
        )
    except Rejected as rejection:
        if rejection.code not in _SETTLED:
            raise
    return json_reply(InstructionView(id=found.id, state=found.state))


async def _find(services: Services, instruction: UUID) -> Instruction:
    return await services.database.as_operator(lambda conn: find_instruction(conn, instruction))


async def _found(services: Services, id_: UUID) -> tuple[Instruction | None, str]:
    """Return an instruction and the secret of its bank."""
    try:
        found = await _find(services, id_)
    except Rejected:
        return None, ""
    secret = await services.database.as_entrance(
        lambda conn: read_secret(conn, found.bank, services.bank_sealer)
    )
    assert secret is not None, "the bank of an instruction is linked"
    return found, secret


HANDLERS = (take_bank_return, take_bank_notice)

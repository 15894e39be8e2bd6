"""The queue of breaks: what differs between Karez and a bank, and what two persons do about it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Annotated, NamedTuple
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, needed_key
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.persons import PERSON_REFUSALS, person_of
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.ids import NIL
from karez.ledger.operations import Operation
from karez.parties.institutions import check_known
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.banks.records import Instruction
from karez.services.payments.house import House
from karez.services.payments.reconciliation.break_states import BreakState
from karez.services.payments.reconciliation.matching.breaks import ALLOWED, Action, BreakKind
from karez.services.payments.reconciliation.matching.items import Entry, Movement
from karez.services.payments.reconciliation.records import BreakRecord, break_items, find_break, queue_page
from karez.services.payments.reconciliation.resolutions import (
    NOTE_LENGTH_MAX,
    BreakReceipt,
    approve,
    decline,
    propose,
)
from karez.services.payments.reconciliation.returns import given_back, what_came_back
from karez.services.payments.settlement.payouts import Payout


class BreaksQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which breaks: those after the last one of the page before.

    Attributes:
        after: `next_after` of the page before.
        after_id: `next_after_id` of the page before.
    """

    kind: BreakKind | UnsetType = UNSET
    state: BreakState | UnsetType = UNSET
    after: Moment | UnsetType = UNSET
    after_id: UUID | UnsetType = UNSET
    limit: PageSize = 50


class BreakView(msgspec.Struct, frozen=True, kw_only=True):
    """A break.

    Attributes:
        reason: What happened.
        offered: The action that helps most often.
        actions: All that may be proposed.
        action: What somebody has proposed.
        proposed_by: Who.
        decided_by: Who approved or declined it.
    """

    id: UUID
    kind: str
    state: str
    reason: str
    offered: str
    actions: list[str]
    action: str | None
    note: str | None
    proposed_by: str | None
    decided_by: str | None
    found: Moment


class BreakPage(msgspec.Struct, frozen=True):
    """Breaks that are not done with, those that wait longest first."""

    items: list[BreakView]
    next_after: Moment | None
    next_after_id: UUID | None


class ItemView(msgspec.Struct, frozen=True, kw_only=True):
    """One side's part of a break.

    Attributes:
        side: `book` is what Karez expects, `bank` what the bank says.
        amount_minor: Below zero goes out.
    """

    side: str
    id: UUID
    references: list[str]
    amount_minor: int
    currency: str
    day: date


class BreakDetail(msgspec.Struct, frozen=True):
    """A break with its items."""

    found: BreakView
    items: list[ItemView]


class Proposal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What to do about a break.

    Attributes:
        note: Why, for whoever decides.
    """

    action: Action
    note: Annotated[str, Meta(max_length=NOTE_LENGTH_MAX)] = ""


class Items(NamedTuple):
    """What a decision rests on."""

    found: BreakRecord
    movements: list[Movement]
    entries: list[Entry]
    came_back: Payout | Instruction | None


Decide = Callable[[Asking, House, Items], Operation]

_EXAMPLE = {
    "id": EXAMPLE_IDS[6],
    "kind": "fee_deducted",
    "state": "proposed",
    "reason": "100.00 CNY in was expected under 'PO-1' and the bank booked 98.00 CNY in on 2026-09-21: the bank has "
    "2.00 CNY less, which is as much as a fee may be.",
    "offered": "book_bank_fee",
    "actions": ["book_bank_fee", "post_to_suspense", "query_bank"],
    "action": "book_bank_fee",
    "note": "as agreed",
    "proposed_by": "ana of institution 1",
    "decided_by": None,
    "found": EXAMPLE_MOMENT,
}
_EXAMPLE_ITEM = {
    "side": "bank",
    "id": EXAMPLE_IDS[7],
    "references": ["PO-1"],
    "amount_minor": 9_800,
    "currency": "CNY",
    "day": "2026-09-21",
}
_RECEIPT = {"id": EXAMPLE_IDS[6], "state": "proposed", "action": "book_bank_fee"}
_PROPOSAL: Body[Proposal] = Body(Proposal, {"action": "book_bank_fee", "note": "as agreed"})
_QUERY = Query(BreaksQuery)
_DECIDING = (
    *OPERATION_REFUSALS,
    *PERSON_REFUSALS,
    "idempotency_key_missing",
    "institution_needed",
    "break_not_found",
    "break_state_wrong",
    "row_state_changed",
)


@get(
    "/v1/banks/{institution:int}/breaks",
    opt={
        KEY: Documentation(
            name="listBreaks",
            topic="Reconciliation",
            summary="List what differs between Karez and a bank, as the operator",
            access=Permission.OPERATOR,
            query=_QUERY,
            answers={
                200: Answer(
                    "A page", BreakPage, {"items": [_EXAMPLE], "next_after": None, "next_after_id": None}
                )
            },
            refusals=("moment_malformed", "institution_unknown"),
        )
    },
)
async def list_breaks(
    request: AnyRequest, institution: FromPath[int], services: TheServices
) -> Response[bytes]:
    """Return a page of the queue."""
    query = _QUERY.read(request)
    after = or_none(query.after)
    after_ns = -1 if after is None else parse_moment(after)

    def read(conn: Connection) -> list[BreakRecord]:
        check_known(conn, institution)
        return queue_page(
            conn,
            institution,
            after_ns,
            or_none(query.after_id) or NIL,
            query.limit,
            or_none(query.kind),
            or_none(query.state),
        )

    found = await services.database.as_operator(read)
    last = found[-1] if len(found) == query.limit else None
    return json_reply(
        BreakPage(
            [_view(each) for each in found],
            None if last is None else format_moment(last.found_ns),
            None if last is None else last.id,
        )
    )


@get(
    "/v1/banks/{institution:int}/breaks/{break_id:uuid}",
    opt={
        KEY: Documentation(
            name="readBreak",
            topic="Reconciliation",
            summary="Read a break with what each side has of it, as the operator",
            access=Permission.OPERATOR,
            answers={
                200: Answer("The break", BreakDetail, {"found": _EXAMPLE, "items": [_EXAMPLE_ITEM]}),
            },
            refusals=("break_not_found",),
        )
    },
)
async def read_break(
    institution: FromPath[int], break_id: FromPath[UUID], services: TheServices
) -> Response[bytes]:
    """Return a break and its items."""
    read = await _read(services, institution, break_id)
    ours = [_item("book", each, [each.reference]) for each in read.movements]
    theirs = [_item("bank", each, list(each.references)) for each in read.entries]
    return json_reply(BreakDetail(_view(read.found), ours + theirs))


@post(
    "/v1/banks/{institution:int}/breaks/{break_id:uuid}/proposal",
    status_code=200,
    opt={
        KEY: Documentation(
            name="proposeResolution",
            topic="Reconciliation",
            summary="Propose what to do about a break, as a person of the operator's staff",
            access=Permission.OPERATOR,
            body=_PROPOSAL,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Proposed; another person decides", BreakReceipt, _RECEIPT)},
            refusals=(*_DECIDING, "action_not_allowed", "action_does_not_fit", "note_too_long"),
        )
    },
)
async def propose_resolution(
    request: AnyRequest,
    institution: FromPath[int],
    break_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Propose an action."""
    body = await _PROPOSAL.read(request)

    def decide(asking: Asking, _: House, read: Items) -> Operation:
        return propose(asking, read.found, read.movements, read.entries, body.action, body.note)

    content = msgspec.json.encode(body)
    return await _carry(request, caller, services, ("propose", institution, break_id, content), decide)


@post(
    "/v1/banks/{institution:int}/breaks/{break_id:uuid}/approval",
    status_code=200,
    opt={
        KEY: Documentation(
            name="approveResolution",
            topic="Reconciliation",
            summary="Have done what was proposed, as another person of the operator's staff",
            access=Permission.OPERATOR,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Done", BreakReceipt, {**_RECEIPT, "state": "approved"})},
            refusals=(
                *_DECIDING,
                "second_person_needed",
                "action_not_allowed",
                "action_does_not_fit",
                "currency_not_open",
                "payout_state_wrong",
                "payee_account_not_found",
                "payer_account_not_found",
                "row_exists",
            ),
        )
    },
)
async def approve_resolution(
    request: AnyRequest,
    institution: FromPath[int],
    break_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Do what was proposed."""

    def decide(asking: Asking, house: House, read: Items) -> Operation:
        gives_back = read.found.action == Action.GIVE_BACK and read.came_back is not None
        effects = given_back(asking, house, read.came_back) if gives_back and read.came_back else None
        return approve(asking, house, read.found, read.movements, read.entries, effects)

    return await _carry(request, caller, services, ("approve", institution, break_id, b""), decide)


@post(
    "/v1/banks/{institution:int}/breaks/{break_id:uuid}/refusal",
    status_code=200,
    opt={
        KEY: Documentation(
            name="declineResolution",
            topic="Reconciliation",
            summary="Refuse what was proposed, as another person of the operator's staff",
            access=Permission.OPERATOR,
            headers=(NEEDED_KEY,),
            answers={
                200: Answer("Refused; the break waits", BreakReceipt, {**_RECEIPT, "state": "declined"})
            },
            refusals=(*_DECIDING, "second_person_needed"),
        )
    },
)
async def decline_resolution(
    request: AnyRequest,
    institution: FromPath[int],
    break_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Refuse what was proposed."""

    def decide(asking: Asking, _: House, read: Items) -> Operation:
        return decline(asking, read.found)

    return await _carry(request, caller, services, ("decline", institution, break_id, b""), decide)


async def _carry(
    request: AnyRequest,
    caller: Caller,
    services: Services,
    what: tuple[str, int, UUID, bytes],
    decide: Decide,
) -> Response[bytes]:
    """Carry out what a person has decided; it is written down under the person's name, not the credential's."""
    kind, institution, break_id, content = what
    person = await person_of(services, caller)
    ask = asked(
        caller, None, f"reconciliation.{kind}/{institution}/{break_id}/{person}", content, needed_key(request)
    )
    reply = await carry(
        services, replace(ask, actor=person), lambda: _read(services, institution, break_id), decide
    )
    return to_response(Reply(200, reply))


async def _read(services: Services, institution: int, break_id: UUID) -> Items:
    def read(conn: Connection) -> Items:
        found = find_break(conn, institution, break_id)
        movements, entries = break_items(conn, services.entries_sealer, found)
        return Items(found, movements, entries, what_came_back(conn, institution, entries))

    return await services.database.as_operator(read)


def _view(found: BreakRecord) -> BreakView:
    return BreakView(
        id=found.id,
        kind=found.kind,
        state=found.state,
        reason=found.reason,
        offered=found.offered,
        actions=sorted(ALLOWED[BreakKind(found.kind)]),
        action=found.action,
        note=found.note,
        proposed_by=found.proposed_by,
        decided_by=found.decided_by,
        found=format_moment(found.found_ns),
    )


def _item(side: str, item: Movement | Entry, references: list[str]) -> ItemView:
    return ItemView(
        side=side,
        id=item.id,
        references=references,
        amount_minor=item.amount_minor,
        currency=item.currency,
        day=item.day,
    )


HANDLERS = (list_breaks, read_break, propose_resolution, approve_resolution, decline_resolution)

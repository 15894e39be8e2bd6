"""Disputes: opening them, saying what there is to say, and how they end."""

from collections.abc import Callable
from uuid import UUID

from litestar import Response, get, post
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.dispute_forms import (
    DECISION,
    DISPUTES,
    EXAMPLE_RECEIPT,
    NEW_DISPUTE,
    NEW_EVIDENCE,
    DisputeList,
    DisputePage,
)
from karez.channels.api.dispute_views import EXAMPLE_VIEW, DisputeView, views_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.channels.api.routes.trades import ACTION_REFUSALS
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.trades import disputes
from karez.services.payments.trades.dispute_records import (
    Disagreement,
    find_disagreement,
    open_disputes,
)
from karez.services.payments.trades.disputes import DisputeReceipt
from karez.services.payments.trades.evidence import EvidenceReceipt, give_evidence

_DISPUTE_REFUSALS = (*ACTION_REFUSALS, "dispute_not_found", "dispute_over")

Decide = Callable[[Asking, House, Disagreement, UUID], Operation]


@post(
    "/v1/trades/{trade_id:uuid}/disputes",
    opt={
        KEY: Documentation(
            name="openDispute",
            topic="Disputes",
            summary="Open a dispute, as the buyer or the shop: the trade's timer stands still",
            access=Permission.PAYMENTS_WRITE,
            body=NEW_DISPUTE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={201: Answer("Open, now or before", DisputeReceipt, EXAMPLE_RECEIPT)},
            refusals=(
                *ACTION_REFUSALS,
                "idempotency_key_missing",
                "amount_above_escrow",
                "disputes_used_up",
            ),
        )
    },
)
async def open_dispute(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Open a dispute."""
    body = await NEW_DISPUTE.read(request)
    reply = await _act(
        request,
        trade_id,
        caller,
        services,
        ("open", content_of(body), needed_key(request)),
        lambda ask, _, facts, party: disputes.open_dispute(ask, facts, party, body.reason, body.wanted_minor),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/trades/{trade_id:uuid}/disputes",
    opt={
        KEY: Documentation(
            name="listDisputes",
            topic="Disputes",
            summary="List the disputes of a trade with all evidence, as its shop or buyer",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("All of them", DisputeList, {"items": [EXAMPLE_VIEW]})},
            refusals=(*ACTING_REFUSALS, "trade_not_found"),
        )
    },
)
async def list_disputes(
    request: AnyRequest, trade_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the disputes of a trade."""
    party = await party_of(services, caller, request)

    def read(conn: Connection) -> list[DisputeView]:
        return views_of(conn, find_disagreement(conn, trade_id).disputes)

    return json_reply(DisputeList(await services.database.as_party(party, read)))


@get(
    "/v1/disputes",
    opt={
        KEY: Documentation(
            name="listOpenDisputes",
            topic="Disputes",
            summary="List the disputes that wait for a decision, as the operator",
            access=Permission.OPERATOR,
            query=DISPUTES,
            answers={200: Answer("A page", DisputePage, {"items": [EXAMPLE_VIEW], "next_after": None})},
            refusals=("moment_malformed",),
        )
    },
)
async def list_open_disputes(request: AnyRequest, services: TheServices) -> Response[bytes]:
    """Return a page of open disputes."""
    query = DISPUTES.read(request)
    after = or_none(query.after)
    after_ns = 0 if after is None else parse_moment(after)

    def read(conn: Connection) -> list[DisputeView]:
        return views_of(conn, open_disputes(conn, after_ns, query.limit))

    found = await services.database.as_operator(read)
    return json_reply(DisputePage(found, found[-1].opened if len(found) == query.limit else None))


@post(
    "/v1/trades/{trade_id:uuid}/disputes/{dispute_id:uuid}/evidence",
    opt={
        KEY: Documentation(
            name="giveEvidence",
            topic="Disputes",
            summary="Say something about an open dispute, as the buyer or the shop",
            description="Both sides and the operator read it. It cannot be changed or taken back.",
            access=Permission.PAYMENTS_WRITE,
            body=NEW_EVIDENCE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={
                201: Answer(
                    "Given, now or before",
                    EvidenceReceipt,
                    {"dispute": EXAMPLE_IDS[3], "number": 0, "given_by": "buyer"},
                )
            },
            refusals=(*_DISPUTE_REFUSALS, "idempotency_key_missing", "evidence_used_up"),
        )
    },
)
async def give(
    request: AnyRequest,
    trade_id: FromPath[UUID],
    dispute_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Add a piece of evidence."""
    body = await NEW_EVIDENCE.read(request)
    reply = await _act(
        request,
        trade_id,
        caller,
        services,
        (f"evidence/{dispute_id}", content_of(body), needed_key(request)),
        lambda ask, _, facts, party: give_evidence(
            ask, facts, dispute_id, party, body.content, body.file_sha256
        ),
    )
    return to_response(Reply(201, reply))


def _ending(name: str, summary: str) -> dict[str, Documentation]:
    return {
        KEY: Documentation(
            name=name,
            topic="Disputes",
            summary=summary,
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={
                200: Answer("Over, now or before", DisputeReceipt, {**EXAMPLE_RECEIPT, "state": "withdrawn"})
            },
            refusals=(*_DISPUTE_REFUSALS, "dispute_not_yours", "exchange_return_limited"),
        )
    }


@post(
    "/v1/trades/{trade_id:uuid}/disputes/{dispute_id:uuid}/withdraw",
    status_code=200,
    opt=_ending("withdrawDispute", "Withdraw a dispute, as the side that has opened it"),
)
async def withdraw(
    request: AnyRequest,
    trade_id: FromPath[UUID],
    dispute_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Let the trade go on where it was."""
    reply = await _act(
        request,
        trade_id,
        caller,
        services,
        (f"withdraw/{dispute_id}", b"", key_of(request)),
        lambda ask, _, facts, party: disputes.withdraw(ask, facts, dispute_id, party),
    )
    return to_response(Reply(200, reply))


@post(
    "/v1/trades/{trade_id:uuid}/disputes/{dispute_id:uuid}/accept",
    status_code=200,
    opt=_ending("acceptClaim", "Give back what is wanted, as the side that has not opened the dispute"),
)
async def accept(
    request: AnyRequest,
    trade_id: FromPath[UUID],
    dispute_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """End a dispute by agreement."""
    reply = await _act(
        request,
        trade_id,
        caller,
        services,
        (f"accept/{dispute_id}", b"", key_of(request)),
        lambda ask, house, facts, party: disputes.accept(ask, house, facts, dispute_id, party),
    )
    return to_response(Reply(200, reply))


@post(
    "/v1/trades/{trade_id:uuid}/disputes/{dispute_id:uuid}/decide",
    status_code=200,
    opt={
        KEY: Documentation(
            name="decideDispute",
            topic="Disputes",
            summary="Decide a dispute, as the operator",
            access=Permission.OPERATOR,
            body=DECISION,
            headers=(IDEMPOTENCY_KEY,),
            answers={
                200: Answer("Decided, now or before", DisputeReceipt, {**EXAMPLE_RECEIPT, "state": "decided"})
            },
            refusals=(
                *OPERATION_REFUSALS,
                "trade_not_found",
                "dispute_not_found",
                "dispute_over",
                "decision_amount_wrong",
                "exchange_return_limited",
            ),
        )
    },
)
async def decide(
    request: AnyRequest,
    trade_id: FromPath[UUID],
    dispute_id: FromPath[UUID],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """End a dispute by the operator's decision."""
    body = await DECISION.read(request)
    reply = await carry(
        services,
        asked(caller, None, f"trade.decide/{trade_id}/{dispute_id}", content_of(body), key_of(request)),
        lambda: services.database.as_operator(lambda conn: find_disagreement(conn, trade_id)),
        lambda asking, house, facts: disputes.decide(
            asking, house, facts, dispute_id, body.decision, body.returned_minor, body.reason
        ),
    )
    return to_response(Reply(200, reply))


async def _act(
    request: AnyRequest,
    trade: UUID,
    caller: Caller,
    services: Services,
    what: tuple[str, bytes, UUID | None],
    decide: Decide,
) -> bytes:
    """Carry out what a side asks for: its kind, its content and its key."""
    kind, content, key = what
    party = await party_of(services, caller, request)
    return await carry(
        services,
        asked(caller, party, f"trade.dispute/{trade}/{kind}", content, key),
        lambda: services.database.as_party(party, lambda conn: find_disagreement(conn, trade)),
        lambda asking, house, facts: decide(asking, house, facts, party),
    )


HANDLERS = (
    open_dispute,
    list_disputes,
    list_open_disputes,
    give,
    withdraw,
    accept,
    decide,
)

"""Chargebacks: opening them, the shop's answer, and the decision."""

from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, key_of
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    Moment,
    MoneyAmount,
    PageSize,
    PartyId,
    Reference,
    Text,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.chargebacks.operations import (
    ChargebackReceipt,
    NewChargeback,
    lose,
    open_chargeback,
    represent,
    win,
)
from karez.services.payments.chargebacks.records import (
    Chargeback,
    chargebacks_page,
    find_chargeback,
    opening_facts,
    trades_of,
)
from karez.services.payments.house import House
from karez.services.payments.trades.records import Trade

_LATEST_NS = 2**63 - 1


class ChargebackToOpen(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is to be taken back from a shop.

    Attributes:
        trade: A finished trade.
        reference: Your own name for it.
        reason: What the shop is told.
    """

    trade: UUID
    reference: Reference
    amount_minor: MoneyAmount
    reason: Text


class Representation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What the shop says.

    Attributes:
        file_sha256: Digest of a file that it keeps as proof.
    """

    evidence: Annotated[str, Meta(min_length=1, max_length=4_000)]
    file_sha256: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")] | None = None


class Decision(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who was right: the shop has won or lost."""

    outcome: Literal["won", "lost"]
    reason: Text


class ChargebackView(msgspec.Struct, frozen=True, kw_only=True):
    """A chargeback.

    Attributes:
        bank: The institution that opened it; null is the operator.
        due: Until when the shop may answer.
    """

    id: UUID
    trade: UUID
    reference: str
    shop: PartyId
    bank: int | None
    currency: str
    amount_minor: int
    reason: str
    state: str
    evidence: str | None
    file_sha256: str | None
    decision_reason: str | None
    due: Moment | None
    opened: Moment
    decided: Moment | None


class ChargebackPage(msgspec.Struct, frozen=True):
    """Chargebacks, the latest first."""

    items: list[ChargebackView]
    next_before: Moment | None


class ChargebacksQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which chargebacks.

    Attributes:
        before: Opened before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "trade": EXAMPLE_IDS[5],
    "reference": "cb-2026-17",
    "amount_minor": 1_000,
    "reason": "The customer did not get the goods",
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[8],
    "trade": EXAMPLE_IDS[5],
    "reference": "cb-2026-17",
    "currency": "CNY",
    "amount_minor": 1_000,
    "state": "open",
}
_EXAMPLE = {
    **_EXAMPLE_RECEIPT,
    "shop": EXAMPLE_IDS[6],
    "bank": 2,
    "reason": "The customer did not get the goods",
    "evidence": None,
    "file_sha256": None,
    "decision_reason": None,
    "due": EXAMPLE_MOMENT,
    "opened": EXAMPLE_MOMENT,
    "decided": None,
}
_NEW: Body[ChargebackToOpen] = Body(ChargebackToOpen, _EXAMPLE_NEW)
_REPRESENTATION: Body[Representation] = Body(Representation, {"evidence": "Delivered on 2 March, signed"})
_DECISION: Body[Decision] = Body(Decision, {"outcome": "won", "reason": "The delivery is proved"})
_QUERY = Query(ChargebacksQuery)


@post(
    "/v1/chargebacks",
    opt={
        KEY: Documentation(
            name="openChargeback",
            topic="Chargebacks",
            summary="Take an amount back from a shop until it is decided, as the buyer's bank or the operator",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(IDEMPOTENCY_KEY,),
            answers={
                201: Answer(
                    "Opened, now or before",
                    ChargebackReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("chargeback", "readChargeback", {"chargeback_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "trade_not_found",
                "trade_state_wrong",
                "chargeback_open_already",
                "chargeback_clearing_missing",
                "refund_exceeds_payment",
                "payer_account_not_found",
            ),
        )
    },
)
async def open_a_chargeback(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Reserve the money and tell the shop."""
    body = await _NEW.read(request)
    bank = _opener(caller)
    new = NewChargeback(body.reference, body.amount_minor, body.reason)
    reply = await carry(
        services,
        asked(caller, None, f"chargeback.open/{body.trade}", content_of(body), key_of(request)),
        lambda: services.database.as_operator(lambda conn: opening_facts(conn, body.trade, bank)),
        lambda asking, house, facts: open_chargeback(asking, house, facts, bank, new),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/chargebacks/{chargeback_id:uuid}",
    opt={
        KEY: Documentation(
            name="readChargeback",
            topic="Chargebacks",
            summary="Read a chargeback, as its shop or whoever opened it",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The chargeback", ChargebackView, _EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "institution_needed", "chargeback_not_found"),
        )
    },
)
async def read_chargeback(
    request: AnyRequest, chargeback_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a chargeback; the header Acting-For asks for it as the shop."""

    def read(conn: Connection) -> Chargeback:
        return find_chargeback(conn, chargeback_id)

    if request.headers.get("acting-for") is not None:
        shop = await party_of(services, caller, request)
        return json_reply(_view(await services.database.as_party(shop, read)))
    return json_reply(_view(await services.database.as_caller(caller, read)))


@get(
    "/v1/chargebacks",
    opt={
        KEY: Documentation(
            name="listChargebacks",
            topic="Chargebacks",
            summary="List the chargebacks of a shop, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", ChargebackPage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_chargebacks(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of chargebacks."""
    query = _QUERY.read(request)
    shop = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_party(
        shop, lambda conn: chargebacks_page(conn, shop, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].opened_ns) if len(found) == query.limit else None
    return json_reply(ChargebackPage([_view(each) for each in found], next_before))


@post(
    "/v1/chargebacks/{chargeback_id:uuid}/represent",
    status_code=200,
    opt={
        KEY: Documentation(
            name="representChargeback",
            topic="Chargebacks",
            summary="Answer a chargeback, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_REPRESENTATION,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={200: Answer("Answered, now or before", ChargebackReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "chargeback_not_found",
                "chargeback_state_wrong",
                "chargeback_too_late",
            ),
        )
    },
)
async def represent_chargeback(
    request: AnyRequest, chargeback_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Record the shop's answer; nobody but whoever opened the chargeback decides from now on."""
    body = await _REPRESENTATION.read(request)
    shop = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, shop, f"chargeback.represent/{chargeback_id}", content_of(body), key_of(request)),
        lambda: services.database.as_party(shop, lambda conn: find_chargeback(conn, chargeback_id)),
        lambda asking, _, found: represent(asking, found, shop, body.evidence, body.file_sha256),
    )
    return to_response(Reply(200, reply))


@post(
    "/v1/chargebacks/{chargeback_id:uuid}/decide",
    status_code=200,
    opt={
        KEY: Documentation(
            name="decideChargeback",
            topic="Chargebacks",
            summary="Decide a chargeback, as the bank that opened it or the operator",
            access=Permission.PAYMENTS_WRITE,
            body=_DECISION,
            headers=(IDEMPOTENCY_KEY,),
            answers={200: Answer("Decided, now or before", ChargebackReceipt, _EXAMPLE_RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "chargeback_not_found",
                "chargeback_state_wrong",
                "chargeback_answer_awaited",
                "exchange_return_limited",
                "payee_account_not_found",
            ),
        )
    },
)
async def decide_chargeback(
    request: AnyRequest, chargeback_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Give the money back to the shop, or to the bank or the buyer."""
    body = await _DECISION.read(request)
    _opener(caller)

    async def read() -> tuple[Chargeback, Trade]:
        found = await services.database.as_caller(caller, lambda conn: find_chargeback(conn, chargeback_id))
        # A bank that opened a chargeback need not see the trade, but what it was paid from decides where money goes.
        trades = await services.database.as_operator(lambda conn: trades_of(conn, [found]))
        return found, trades[found.trade]

    def decide(asking: Asking, house: House, facts: tuple[Chargeback, Trade]) -> Operation:
        if body.outcome == "won":
            return win(asking, house, facts[0], body.reason)
        return lose(asking, house, *facts, body.reason)

    reply = await carry(
        services,
        asked(caller, None, f"chargeback.decide/{chargeback_id}", content_of(body), key_of(request)),
        read,
        decide,
    )
    return to_response(Reply(200, reply))


def _opener(caller: Caller) -> int | None:
    """Return the number of the bank that asks; ``None`` is the operator.

    Rejections: ``institution_needed``.
    """
    institution = caller.institution
    return None if caller.is_operator else institution


def _view(found: Chargeback) -> ChargebackView:
    return ChargebackView(
        id=found.id,
        trade=found.trade,
        reference=found.reference,
        shop=found.shop,
        bank=found.bank,
        currency=found.currency,
        amount_minor=found.amount_minor,
        reason=found.reason,
        state=found.state,
        evidence=found.evidence,
        file_sha256=found.file_sha256,
        decision_reason=found.decision_reason,
        due=None if found.due_ns is None else format_moment(found.due_ns),
        opened=format_moment(found.opened_ns),
        decided=None if found.decided_ns is None else format_moment(found.decided_ns),
    )


HANDLERS = (
    open_a_chargeback,
    read_chargeback,
    list_chargebacks,
    represent_chargeback,
    decide_chargeback,
)

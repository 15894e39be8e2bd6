"""What was decided about payments, and why, as the operator reads it."""

from typing import Literal
from uuid import UUID

import msgspec
from litestar import Response, get
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.bodies import Query, or_none
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, PageSize, PartyId
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.fraud.deciding import Outcome, Reason
from karez.services.payments.fraud.decisions import KeptDecision, find_stopped, party_page, stopped_page

_LATEST_NS = 2**63 - 1


class DecisionView(msgspec.Struct, frozen=True, kw_only=True):
    """A decision about a payment.

    Attributes:
        outcome: `allow`, `challenge` or `refuse`.
        reasons: Every rule that was hit, with the figure that was seen and the limit.
        shop: Who was to be paid: a shop, a person, or an account at a bank under an id of its own.
        card: Fingerprint of the card.
        device: Fingerprint of the device.
        score_bps: What a model thought, in hundredths of a percent.
    """

    id: UUID
    outcome: str
    reasons: tuple[Reason, ...]
    person: PartyId
    shop: UUID
    currency: str
    amount_minor: int
    card: str | None
    device: str | None
    score_bps: int | None
    decided: Moment


class DecisionPage(msgspec.Struct, frozen=True):
    """Decisions, the latest first."""

    items: list[DecisionView]
    next_before: Moment | None


class DecisionsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which decisions.

    Attributes:
        party: Of one person or shop; left out, of all that were stopped.
        side: Whether the party pays (`person`) or is paid (`shop`).
        before: Decided before this moment.
    """

    party: PartyId | UnsetType = UNSET
    side: Literal["person", "shop"] = "person"
    outcome: Literal["allow", "challenge", "refuse"] | UnsetType = UNSET
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_VIEW = {
    "id": EXAMPLE_IDS[5],
    "outcome": "refuse",
    "reasons": [
        {
            "rule": "blocked_device",
            "version": 0,
            "kind": "safety",
            "outcome": "refuse",
            "seen": 1,
            "limit": 0,
            "model_says": [],
        }
    ],
    "person": EXAMPLE_IDS[6],
    "shop": EXAMPLE_IDS[4],
    "currency": "CNY",
    "amount_minor": 12_300,
    "card": None,
    "device": "5f0c2a9d8e7b46113c5d90aa17e2f4b8",
    "score_bps": None,
    "decided": EXAMPLE_MOMENT,
}
_QUERY = Query(DecisionsQuery)


@get(
    "/v1/fraud/decisions",
    opt={
        KEY: Documentation(
            name="listFraudDecisions",
            topic="Fraud",
            summary="Page through decisions about payments, the latest first, as the operator",
            access=Permission.OPERATOR,
            query=_QUERY,
            answers={200: Answer("A page", DecisionPage, {"items": [_VIEW], "next_before": None})},
            refusals=("moment_malformed", "fraud_party_needed"),
        )
    },
)
async def list_decisions(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of decisions; all of the last one's moment, even if that is more than the limit."""
    query = _QUERY.read(request)
    party, before = or_none(query.party), or_none(query.before)
    outcome: Outcome | None = or_none(query.outcome)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    if party is None:
        if outcome == "allow":
            raise Rejected(
                "fraud_party_needed",
                "Payments that were allowed are listed for one party; name it, or ask for what was stopped.",
            )
        found = await services.database.as_caller(
            caller, lambda conn: stopped_page(conn, outcome, before_ns, query.limit)
        )
    else:
        found = await services.database.as_caller(
            caller, lambda conn: party_page(conn, query.side, party, outcome, before_ns, query.limit)
        )
    next_before = format_moment(found[-1].at_ns) if len(found) >= query.limit else None
    return json_reply(DecisionPage([_view(each) for each in found], next_before))


@get(
    "/v1/fraud/decisions/{decision_id:uuid}",
    opt={
        KEY: Documentation(
            name="readFraudDecision",
            topic="Fraud",
            summary="Read why a payment was stopped, as the operator",
            access=Permission.OPERATOR,
            answers={200: Answer("The decision", DecisionView, _VIEW)},
            refusals=("fraud_decision_not_found",),
        )
    },
)
async def read_decision(
    decision_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the decision of which the payer was told the id."""
    return json_reply(
        _view(await services.database.as_caller(caller, lambda conn: find_stopped(conn, decision_id)))
    )


def _view(found: KeptDecision) -> DecisionView:
    return DecisionView(
        id=found.id,
        outcome=found.outcome,
        reasons=found.why,
        person=found.person,
        shop=found.shop,
        currency=found.currency,
        amount_minor=found.amount_minor,
        card=None if found.card is None else found.card.hex(),
        device=None if found.device is None else found.device.hex(),
        score_bps=found.score_bps,
        decided=format_moment(found.at_ns),
    )


HANDLERS = (list_decisions, read_decision)

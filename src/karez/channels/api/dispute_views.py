"""What is told of a dispute: where it stands, and all that was said in it."""

from collections.abc import Mapping, Sequence
from typing import Literal
from uuid import UUID

import msgspec

from karez.channels.api.caller_database import Connection
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, PartyId
from karez.channels.api.moments import format_moment
from karez.services.payments.trades.dispute_records import Dispute, Evidence, evidence_of


class EvidenceView(msgspec.Struct, frozen=True, kw_only=True):
    """What one side has said."""

    number: int
    given_by: Literal["buyer", "shop"]
    content: str
    file_sha256: str | None
    given: Moment


class DisputeView(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute with all that was said.

    Attributes:
        state: `open`, `withdrawn`, `accepted` or `decided`.
        returned_minor: What has gone back to the buyer by it.
    """

    id: UUID
    trade: UUID
    shop: PartyId
    buyer: PartyId
    opened_by: Literal["buyer", "shop"]
    reason: str
    currency: str
    wanted_minor: int
    state: str
    decision: str | None
    decision_reason: str | None
    returned_minor: int
    opened: Moment
    ended: Moment | None
    evidence: list[EvidenceView]


EXAMPLE_VIEW = {
    "id": EXAMPLE_IDS[3],
    "trade": EXAMPLE_IDS[5],
    "shop": EXAMPLE_IDS[6],
    "buyer": EXAMPLE_IDS[7],
    "opened_by": "buyer",
    "reason": "One of the two bowls is broken.",
    "currency": "CNY",
    "wanted_minor": 800,
    "state": "open",
    "decision": None,
    "decision_reason": None,
    "returned_minor": 0,
    "opened": EXAMPLE_MOMENT,
    "ended": None,
    "evidence": [
        {
            "number": 0,
            "given_by": "buyer",
            "content": "The parcel was wet when it came.",
            "file_sha256": None,
            "given": EXAMPLE_MOMENT,
        }
    ],
}


def views_of(conn: Connection, found: Sequence[Dispute]) -> list[DisputeView]:
    """Return disputes with their evidence, as whoever may read them."""
    evidence = evidence_of(conn, found)
    return [_view(each, evidence) for each in found]


def _view(dispute: Dispute, evidence: Mapping[tuple[UUID, UUID], Sequence[Evidence]]) -> DisputeView:
    return DisputeView(
        id=dispute.id,
        trade=dispute.trade,
        shop=dispute.shop,
        buyer=dispute.buyer,
        opened_by=dispute.opened_by,
        reason=dispute.reason,
        currency=dispute.currency,
        wanted_minor=dispute.wanted_minor,
        state=dispute.state,
        decision=dispute.decision,
        decision_reason=dispute.decision_reason,
        returned_minor=dispute.returned_minor,
        opened=format_moment(dispute.opened_ns),
        ended=None if dispute.ended_ns is None else format_moment(dispute.ended_ns),
        evidence=[
            EvidenceView(
                number=each.number,
                given_by=each.given_by,
                content=each.content,
                file_sha256=each.file_sha256,
                given=format_moment(each.given_ns),
            )
            for each in evidence.get((dispute.trade, dispute.id), ())
        ],
    )

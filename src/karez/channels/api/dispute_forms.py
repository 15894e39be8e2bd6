"""What is said of disputes: the bodies of requests, the pages, and examples."""

from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query
from karez.channels.api.dispute_views import EXAMPLE_VIEW, DisputeView
from karez.channels.api.fields import EXAMPLE_IDS, Moment, MoneyAmount, PageSize
from karez.services.payments.trades.dispute_records import Verdict

Reason = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=500,
        pattern=r"^[^\u0000-\u0009\u000b-\u001f\u007f]*$",
        description="A few lines of text.",
        examples=["One of the two bowls is broken."],
    ),
]
Statement = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=2_000,
        pattern=r"^[^\u0000-\u0009\u000b-\u001f\u007f]*$",
        description="What you say; lines may end with a line feed.",
        examples=["The parcel was wet when it came."],
    ),
]
Digest = Annotated[
    str,
    Meta(
        pattern="^[0-9a-f]{64}$",
        description="SHA-256 of a file that you keep as proof, in hexadecimal.",
        examples=["0" * 64],
    ),
]


class NewDispute(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A disagreement about what is in escrow.

    Attributes:
        wanted_minor: How much is to go back to the buyer, as you see it.
    """

    reason: Reason
    wanted_minor: MoneyAmount


class NewEvidence(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What one side says."""

    content: Statement
    file_sha256: Digest | None = None


class Decision(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How the operator ends a dispute.

    Attributes:
        decision: `full`: everything goes back; `partial`: a part goes back and the rest to the shop; `refused`: the
            trade goes on as if there had been no dispute.
        returned_minor: What goes back by a partial decision; left out otherwise.
        reason: What both sides are told.
    """

    decision: Verdict
    returned_minor: MoneyAmount | None = None
    reason: Reason


class DisputeList(msgspec.Struct, frozen=True):
    """All disputes of a trade, the first one first."""

    items: list[DisputeView]


class DisputePage(msgspec.Struct, frozen=True):
    """Disputes that wait for a decision, the oldest first."""

    items: list[DisputeView]
    next_after: Moment | None


class DisputesQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which disputes.

    Attributes:
        after: Opened after this moment.
    """

    after: Moment | UnsetType = UNSET
    limit: PageSize = 50


EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[3],
    "trade": EXAMPLE_IDS[5],
    "state": "open",
    "trade_state": "disputed",
    "opened_by": "buyer",
    "wanted_minor": 800,
    "returned_minor": 0,
}
NEW_DISPUTE: Body[NewDispute] = Body(NewDispute, {"reason": EXAMPLE_VIEW["reason"], "wanted_minor": 800})
NEW_EVIDENCE: Body[NewEvidence] = Body(NewEvidence, {"content": "The parcel was wet when it came."})
DECISION: Body[Decision] = Body(
    Decision, {"decision": "partial", "returned_minor": 500, "reason": "One bowl was whole."}
)
DISPUTES = Query(DisputesQuery)

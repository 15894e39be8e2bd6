"""What both sides of a dispute say: texts, and the digests of files that they keep as proof."""

from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.trades.changes import parties_of
from karez.services.payments.trades.dispute_records import Disagreement
from karez.services.payments.trades.disputes import open_one, side_of

EVIDENCE_MAX = 20
"""By each side of a dispute."""


class EvidenceReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of evidence that was given.

    Attributes:
        number: Its place in the dispute, from 0.
    """

    dispute: UUID
    number: int
    given_by: str


def give_evidence(
    asking: Asking, facts: Disagreement, dispute: UUID, party: UUID, content: str, file_sha256: str | None
) -> Operation:
    """Add to what a side has said about an open dispute.

    Args:
        asking: The request.
        facts: The trade with its disputes.
        dispute: The open one.
        party: Who says it.
        content: What is said.
        file_sha256: Digest of a file that the party keeps, in hexadecimal.

    Rejections: ``dispute_not_found``, ``dispute_over``, ``trade_not_yours``, ``evidence_used_up``.
    """
    trade, found = facts.trade, open_one(facts, dispute)
    side = side_of(trade, party)
    counts = {"buyer_evidence": found.buyer_evidence, "shop_evidence": found.shop_evidence}
    number, own = sum(counts.values()), f"{side}_evidence"
    if counts[own] >= EVIDENCE_MAX:
        raise Rejected(
            "evidence_used_up",
            f"Each side of a dispute gives {EVIDENCE_MAX} pieces of evidence at most; wait for the decision.",
        )
    place: dict[str, Scalar] = {"trade": str(trade.id), "dispute": str(found.id), "number": number}
    values: dict[str, Scalar] = {
        "shop": str(trade.shop),
        "buyer": str(trade.buyer),
        "given_by": side,
        "content": content,
        "file_sha256": file_sha256,
        "given_ns": asking.now_ns,
    }
    counted = RowUpdate(
        table="trade_dispute",
        key={"trade": str(trade.id), "id": str(found.id)},
        expected={"state": found.state, **counts},
        changes={own: counts[own] + 1},
    )
    receipt = EvidenceReceipt(dispute=found.id, number=number, given_by=side)
    return asking.operation(
        "trade.give_evidence",
        receipt,
        rows=(counted, RowInsert(table="trade_evidence", key=place, values=values)),
        events=(
            asking.event(
                "trade.evidence_given",
                parties_of(trade),
                {"trade": trade.id, **msgspec.structs.asdict(receipt)},
            ),
        ),
    )

"""Disputes: buyer and shop disagree about what is in escrow, and it is settled between them or by the operator.

While a dispute is open, the trade's timer stands still. It ends in one of three ways: whoever opened it withdraws it;
the other side accepts what was wanted, and the rest waits as before; or the operator decides that everything goes
back (``full``), that a part goes back and the rest to the shop (``partial``), or that nothing changes
(``refused``: the trade waits again, from the beginning of its timer).

Worked example: 30.00 are in escrow and the trade is shipped, with 4 days left. The buyer wants 8.00 back. The shop
accepts: 8.00 go back, and 22.00 wait for 4 days more. Or the operator decides that 5.00 go back: the shop has 25.00
at once.
"""

from collections.abc import Mapping
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.trades.changes import changed
from karez.services.payments.trades.dispute_records import Disagreement, Dispute, Side, Verdict
from karez.services.payments.trades.escrow import Division, above_escrow, check_part, divide, state_after
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import Action, State, reached
from karez.services.payments.trades.timers import later_ns, timers_of

DISPUTES_MAX = 5


class DisputeReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A dispute after a change, and where its trade stands then.

    Attributes:
        returned_minor: What has gone back to the buyer by it.
    """

    id: UUID
    trade: UUID
    state: str
    trade_state: str
    opened_by: str
    wanted_minor: int
    returned_minor: int


def dispute_id(trade: UUID, number: int) -> UUID:
    """Return the id of a trade's dispute by its number."""
    return derived_id(trade, "dispute", number)


def side_of(trade: Trade, party: UUID) -> Side:
    """Return which side of a trade somebody is.

    Rejections: ``trade_not_yours``.
    """
    if party == trade.shop:
        return "shop"
    if party != trade.buyer:
        raise Rejected(
            "trade_not_yours",
            f"Only the buyer and the shop of trade {trade.id} can do this; use a credential of theirs.",
        )
    return "buyer"


def open_dispute(
    asking: Asking, facts: Disagreement, party: UUID, reason: str, wanted_minor: int
) -> Operation:
    """Stop a trade's timer, because one side wants money to go back that the other side does not give.

    Args:
        asking: The request.
        facts: The trade with its former disputes.
        party: Who asks.
        reason: Why.
        wanted_minor: How much is to go back to the buyer.

    Rejections: ``trade_state_wrong``, ``trade_not_yours``, ``amount_not_positive``, ``amount_above_escrow``,
        ``disputes_used_up``.
    """
    trade = facts.trade
    side = side_of(trade, party)
    state = reached(trade.standing, Action.DISPUTE, State.DISPUTED)
    check_part(wanted_minor)
    if wanted_minor > trade.held_minor:
        raise above_escrow(trade)
    number = len(facts.disputes)
    if number >= DISPUTES_MAX:
        raise Rejected(
            "disputes_used_up",
            f"Trade {trade.id} was disputed {number} times already; ask customer service to look at it.",
        )
    assert trade.due_ns is not None, "what is in escrow has a timer"
    receipt = DisputeReceipt(
        id=dispute_id(trade.id, number),
        trade=trade.id,
        state="open",
        trade_state=state,
        opened_by=side,
        wanted_minor=wanted_minor,
        returned_minor=0,
    )
    row = RowInsert(
        table="trade_dispute",
        key={"trade": str(trade.id), "id": str(receipt.id)},
        values={
            "number": number,
            "shop": str(trade.shop),
            "buyer": str(trade.buyer),
            "opened_by": side,
            "reason": reason,
            "currency": trade.currency,
            "wanted_minor": wanted_minor,
            "state": "open",
            "trade_state": trade.state,
            "remaining_ns": max(trade.due_ns - asking.now_ns, 0),
            "buyer_evidence": 0,
            "shop_evidence": 0,
            "decision": None,
            "decision_reason": None,
            "returned_minor": 0,
            "opened_ns": asking.now_ns,
            "ended_ns": None,
        },
    )
    return changed(
        asking,
        trade,
        "trade.dispute",
        "trade.disputed",
        {"state": state, "due_ns": None},
        more_rows=(row,),
        told={"dispute": receipt},
        reply=receipt,
    )


def withdraw(asking: Asking, facts: Disagreement, dispute: UUID, party: UUID) -> Operation:
    """Let the trade go on where it was, with what was left of its timer.

    Rejections: ``dispute_not_found``, ``dispute_over``, ``dispute_not_yours``, ``trade_not_yours``.
    """
    trade, found = facts.trade, open_one(facts, dispute)
    if side_of(trade, party) != found.opened_by:
        raise Rejected(
            "dispute_not_yours", "Only the side that has opened a dispute can withdraw it; accept it instead."
        )
    state = reached(trade.standing, Action.WITHDRAW_DISPUTE, State(found.trade_state))
    receipt = _ended(found, "withdrawn", state, 0)
    return changed(
        asking,
        trade,
        "trade.withdraw_dispute",
        "trade.dispute_withdrawn",
        {"state": state, "due_ns": asking.now_ns + found.remaining_ns},
        more_rows=(_end(asking, found, receipt),),
        told={"dispute": receipt},
        reply=receipt,
    )


def accept(asking: Asking, house: House, facts: Disagreement, dispute: UUID, party: UUID) -> Operation:
    """Give back what was wanted, because the other side agrees; the rest waits as before.

    Rejections: ``dispute_not_found``, ``dispute_over``, ``dispute_not_yours``, ``trade_not_yours``.
    """
    trade, found = facts.trade, open_one(facts, dispute)
    if side_of(trade, party) == found.opened_by:
        raise Rejected(
            "dispute_not_yours", "Only the other side can accept what you want; withdraw the dispute instead."
        )
    division = Division(
        Action.ACCEPT_CLAIM,
        returned_minor=found.wanted_minor,
        stays=State(found.trade_state),
        due_ns=asking.now_ns + found.remaining_ns,
    )
    return _settle(asking, house, facts.trade, found, division, "accepted", "trade.claim_accepted")


def decide(
    asking: Asking,
    house: House,
    facts: Disagreement,
    dispute: UUID,
    verdict: Verdict,
    returned_minor: int | None,
    reason: str,
) -> Operation:
    """End a dispute by the operator's decision.

    Args:
        asking: The operator's request.
        house: The payment house.
        facts: The trade with its disputes.
        dispute: The open one.
        verdict: ``full``, ``partial`` or ``refused``.
        returned_minor: What goes back by a partial decision; the rest goes to the shop.
        reason: What both sides are told.

    Rejections: ``dispute_not_found``, ``dispute_over``, ``decision_amount_wrong``.
    """
    trade, found = facts.trade, open_one(facts, dispute)
    back_minor = _returned(trade, verdict, returned_minor)
    timers, stays = timers_of(trade.category), State(found.trade_state)
    division = Division(
        Action.DECIDE,
        returned_minor=back_minor,
        released_minor=trade.held_minor - back_minor if verdict == "partial" else 0,
        stays=stays,
        due_ns=later_ns(asking.now_ns, timers.paid_s if stays is State.PAID else timers.confirm_s),
    )
    told = {"decision": verdict, "decision_reason": reason}
    return _settle(asking, house, trade, found, division, "decided", "trade.dispute_decided", told)


def open_one(facts: Disagreement, dispute: UUID) -> Dispute:
    """Return a dispute that is not over.

    Rejections: ``dispute_not_found``, ``dispute_over``.
    """
    found = facts.dispute(dispute)
    if found.state != "open":
        raise Rejected(
            "dispute_over", f"The dispute {found.id} is over: it was {found.state}.", state=found.state
        )
    return found


def _returned(trade: Trade, verdict: Verdict, returned_minor: int | None) -> int:
    """Return what goes back to the buyer by a verdict."""
    is_split = returned_minor is not None and 0 < returned_minor < trade.held_minor
    if is_split != (verdict == "partial") or (returned_minor is not None and not is_split):
        raise Rejected(
            "decision_amount_wrong",
            f"A partial decision returns 1 to {trade.held_minor - 1} minor units, any other names no amount; correct "
            "it.",
            held_minor=trade.held_minor,
        )
    if verdict == "refused":
        return 0
    return trade.held_minor if returned_minor is None else returned_minor


def _settle(
    asking: Asking,
    house: House,
    trade: Trade,
    dispute: Dispute,
    division: Division,
    state: str,
    topic: str,
    decision: Mapping[str, Scalar] | None = None,
) -> Operation:
    receipt = _ended(dispute, state, state_after(trade, division), division.returned_minor)
    return divide(
        asking,
        house,
        trade,
        division,
        f"trade.{division.action}",
        topic,
        more_rows=(_end(asking, dispute, receipt, decision),),
        told={"dispute": receipt, **(decision or {})},
        reply=receipt,
    )


def _ended(dispute: Dispute, state: str, trade_state: State, returned_minor: int) -> DisputeReceipt:
    return DisputeReceipt(
        id=dispute.id,
        trade=dispute.trade,
        state=state,
        trade_state=trade_state,
        opened_by=dispute.opened_by,
        wanted_minor=dispute.wanted_minor,
        returned_minor=returned_minor,
    )


def _end(
    asking: Asking, dispute: Dispute, receipt: DisputeReceipt, decision: Mapping[str, Scalar] | None = None
) -> RowUpdate:
    return RowUpdate(
        table="trade_dispute",
        key={"trade": str(dispute.trade), "id": str(dispute.id)},
        expected={"state": dispute.state},
        changes={
            "state": receipt.state,
            "returned_minor": receipt.returned_minor,
            "ended_ns": asking.now_ns,
            **(decision or {}),
        },
    )

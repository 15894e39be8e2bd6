"""Opening a chargeback, answering it, and deciding who was right.

    opened: takings --> reserve      won: reserve --> takings      lost: reserve --> the bank, or the buyer's sources

What is charged back is counted off what can be refunded, in the same account of the book, so nothing goes back to a
buyer twice, whatever happens at once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import NewAccount, Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.chargebacks.records import Chargeback, OpeningFacts
from karez.services.payments.chargebacks.states import REPRESENT_S, Action, State, reached
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves
from karez.services.payments.refundable import count_back, count_off
from karez.services.payments.sources.returning import going_back, is_plain
from karez.services.payments.trades import states as trade_states
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.timers import later_ns


@dataclass(frozen=True, slots=True)
class NewChargeback:
    """A chargeback to open.

    Attributes:
        reference: The opener's own name for it.
        amount_minor: How much.
        reason: Why.
    """

    reference: str
    amount_minor: int
    reason: str


class ChargebackReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A chargeback after a change."""

    id: UUID
    trade: UUID
    reference: str
    currency: str
    amount_minor: int
    state: str


def chargeback_id(trade: UUID, number: int) -> UUID:
    """Return the id of a trade's first, second, ... chargeback."""
    return derived_id(trade, "chargeback", number)


def open_chargeback(
    asking: Asking, house: House, facts: OpeningFacts, bank: int | None, new: NewChargeback
) -> Operation:
    """Take an amount back from a shop until it is decided who was right.

    Args:
        asking: The bank's or the operator's request.
        house: The payment house.
        facts: The trade and its last chargeback.
        bank: Who opens it; ``None`` is the operator.
        new: What is charged back.

    Rejections: ``trade_not_found``, ``trade_state_wrong``, ``chargeback_open_already``, ``refund_exceeds_payment``,
        ``chargeback_clearing_missing``; in the book ``exceeds_credits`` where less is left to go back.
    """
    trade = facts.trade
    if bank is not None and not _concerns(bank, facts):
        raise Rejected("trade_not_found", f"There is no trade {trade.id} that you may see; look its id up.")
    _check(facts, new)
    if not facts.has_clearing:
        raise Rejected(
            "chargeback_clearing_missing",
            f"You have no clearing account in {trade.currency} into which a chargeback is paid; have the operator "
            "open one first.",
        )
    number = 1 if facts.last is None else facts.last.number + 1
    opened, counted = count_off(asking, house, trade, new.amount_minor, is_counted=facts.is_counted)
    reserved = _moved(
        asking,
        house,
        trade.currency,
        new.amount_minor,
        accounts.takings(trade.shop, trade.currency),
        accounts.chargeback_reserve(trade.currency),
        TransferCode.CHARGEBACK,
    )
    reply = ChargebackReceipt(
        id=chargeback_id(trade.id, number),
        trade=trade.id,
        reference=new.reference,
        currency=trade.currency,
        amount_minor=new.amount_minor,
        state=State.OPEN,
    )
    row = RowInsert(
        table="chargeback",
        key={"trade": str(trade.id), "number": number},
        values={
            "id": str(reply.id),
            "reference": new.reference,
            "shop": str(trade.shop),
            "buyer": str(trade.buyer),
            "bank": bank,
            "currency": trade.currency,
            "amount_minor": new.amount_minor,
            "reason": new.reason,
            "state": State.OPEN,
            "evidence": None,
            "file_sha256": None,
            "decision_reason": None,
            "due_ns": later_ns(asking.now_ns, REPRESENT_S),
            "opened_ns": asking.now_ns,
            "decided_ns": None,
        },
    )
    told = {**msgspec.structs.asdict(reply), "reason": new.reason}
    return asking.operation(
        "chargeback.open",
        reply,
        accounts=(*opened, *_reserve(house, facts)),
        transfers=(*counted, reserved),
        rows=(row,),
        events=(asking.event("chargeback.opened", (trade.shop,), told),),
    )


def represent(
    asking: Asking, found: Chargeback, shop: UUID, evidence: str, file_sha256: str | None
) -> Operation:
    """Answer a chargeback, as the shop.

    Args:
        asking: The shop's request.
        found: As it was read.
        shop: Who asks.
        evidence: What it says.
        file_sha256: Digest of a file that it keeps as proof.

    Rejections: ``chargeback_not_found``, ``chargeback_state_wrong``, ``chargeback_too_late``.
    """
    if found.shop != shop:
        raise Rejected(
            "chargeback_not_found", f"There is no chargeback {found.id} that you may see; look its id up."
        )
    state = reached(found.standing, Action.REPRESENT)
    if found.due_ns is not None and asking.now_ns >= found.due_ns:
        raise Rejected(
            "chargeback_too_late", f"The time to answer chargeback {found.id} is over; it counts as lost."
        )
    changes: dict[str, Scalar] = {
        "state": state,
        "evidence": evidence,
        "file_sha256": file_sha256,
        "due_ns": None,
    }
    return _changed(asking, found, state, changes, ())


def win(asking: Asking, house: House, found: Chargeback, reason: str) -> Operation:
    """Give the shop its money again; what was charged back can be refunded again.

    Rejections: ``chargeback_state_wrong``.
    """
    state = reached(found.standing, Action.WIN)
    back = _moved(
        asking,
        house,
        found.currency,
        found.amount_minor,
        accounts.chargeback_reserve(found.currency),
        accounts.takings(found.shop, found.currency),
        TransferCode.CHARGEBACK_WON,
    )
    free = count_back(asking, house, found.trade, found.currency, found.amount_minor)
    return _changed(asking, found, state, _decided(asking, state, reason), (back, free))


def lose(asking: Asking, house: House, found: Chargeback, trade: Trade, reason: str) -> Operation:
    """Give the money to the bank that asked for it, which pays its customer, or else to the buyer's sources.

    Args:
        asking: The bank's or the operator's request, or the clock's.
        house: The payment house.
        found: As it was read.
        trade: What was paid.
        reason: Why the shop has lost.

    Rejections: ``chargeback_state_wrong``, ``chargeback_answer_awaited``; in the book ``exceeds_credits`` where an
        exchange cannot be undone for now.
    """
    state = reached(found.standing, Action.LOSE)
    if found.due_ns is not None and asking.now_ns < found.due_ns:
        raise Rejected(
            "chargeback_answer_awaited",
            f"The shop may still answer chargeback {found.id}; decide against it once it has, or its time is over.",
        )
    decided, reserve = _decided(asking, state, reason), accounts.chargeback_reserve(found.currency)
    if found.bank is not None:
        bank = accounts.clearing(found.bank, found.currency)
        code = TransferCode.CHARGEBACK_LOST
        paid = _moved(asking, house, found.currency, found.amount_minor, reserve, bank, code)
        return _changed(asking, found, state, decided, (paid,))
    back = going_back(
        asking,
        house,
        trade,
        source=reserve,
        code=TransferCode.CHARGEBACK_LOST,
        before_minor=trade.returned_minor + trade.legs_refunded_minor,
        amount_minor=found.amount_minor,
    )
    rows = (*_turn(trade, found.amount_minor), *back.rows)
    return _changed(asking, found, state, decided, back.transfers, rows)


def _reserve(house: House, facts: OpeningFacts) -> tuple[NewAccount, ...]:
    """Return the reserve of the trade's currency if it must be opened."""
    if facts.has_reserve:
        return ()
    currency = house.currency(facts.trade.currency)
    account = house.account(
        accounts.chargeback_reserve(currency.code),
        currency.money,
        AccountCode.CHARGEBACK_RESERVE,
        flags=DEBITS_LIMITED,
    )
    return (account,)


def _concerns(bank: int, facts: OpeningFacts) -> bool:
    """Tell whether a bank has to do with a trade: its buyer came through it, or a part was paid out of it."""
    clearing = accounts.clearing(bank, facts.trade.currency)
    return facts.buyer_institution == bank or any(leg.account == clearing for leg in facts.trade.paid_from)


def _check(facts: OpeningFacts, new: NewChargeback) -> None:
    trade, last = facts.trade, facts.last
    if trade.standing is not trade_states.State.FINISHED:
        raise Rejected(
            "trade_state_wrong",
            f"Only a finished trade is charged back, and trade {trade.id} is {trade.state!r}; a dispute stops it.",
            state=trade.state,
        )
    if last is not None and last.standing in (State.OPEN, State.REPRESENTED):
        raise Rejected(
            "chargeback_open_already",
            f"The chargeback {last.id} of this trade is not decided yet; wait for that before you open another.",
            chargeback=str(last.id),
        )
    if new.amount_minor > trade.released_minor:
        raise Rejected(
            "refund_exceeds_payment",
            f"The shop has had {trade.released_minor} minor units of trade {trade.id}; that can go back at most.",
            released_minor=trade.released_minor,
        )


def _moved(
    asking: Asking,
    house: House,
    currency: str,
    amount_minor: int,
    debit: UUID,
    credit: UUID,
    code: TransferCode,
) -> Transfer:
    unit = house.currency(currency).money
    return money_moves(asking.made_id("transfer"), debit, credit, amount_minor, unit, code)


def _decided(asking: Asking, state: State, reason: str) -> dict[str, Scalar]:
    return {"state": state, "due_ns": None, "decision_reason": reason, "decided_ns": asking.now_ns}


def _turn(trade: Trade, amount_minor: int) -> tuple[RowUpdate, ...]:
    """Return the change by which returns to several sources take turns, as refunds do."""
    if is_plain(trade):
        return ()
    row = RowUpdate(
        table="trade",
        key={"id": str(trade.id)},
        expected={"legs_refunded_minor": trade.legs_refunded_minor},
        changes={"legs_refunded_minor": trade.legs_refunded_minor + amount_minor},
    )
    return (row,)


def _changed(
    asking: Asking,
    found: Chargeback,
    state: State,
    changes: Mapping[str, Scalar],
    transfers: tuple[Transfer, ...],
    more_rows: tuple[RowInsert | RowUpdate, ...] = (),
) -> Operation:
    row = RowUpdate(
        table="chargeback",
        key={"trade": str(found.trade), "number": found.number},
        expected={"state": found.state},
        changes={**changes},
    )
    reply = ChargebackReceipt(
        id=found.id,
        trade=found.trade,
        reference=found.reference,
        currency=found.currency,
        amount_minor=found.amount_minor,
        state=state,
    )
    told = msgspec.structs.asdict(reply)
    return asking.operation(
        f"chargeback.{state.value}",
        reply,
        transfers=transfers,
        rows=(row, *more_rows),
        events=(asking.event(f"chargeback.{state.value}", (found.shop,), told),),
    )

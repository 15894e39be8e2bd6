"""Paying a trade when one of the sources is a bank's: reserve the others, ask the bank, and then pay or let go.

created --reserve, ask--> paying --the bank pays-----> paid: all reservations are posted, the bank's part is collected
                                 --the bank declines-> created: all reservations end, and the order waits again

The bank's answer may take seconds or, when it is lost, much longer; the trade stays ``paying`` until it is known, and
is never paid twice. What a bank pays after it has declined goes to the payer's wallet.
"""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.model import AMOUNT_MAX, Transfer, TransferFlags
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking, encode
from karez.services.payments.accounts import TransferCode
from karez.services.payments.banks.instructing import NewInstruction, instruct, instruction_id
from karez.services.payments.banks.records import Instruction
from karez.services.payments.banks.settlers import Effects, Ending, Settler
from karez.services.payments.house import House, money_moves
from karez.services.payments.sources.attempts import Attempt, attempt_of
from karez.services.payments.sources.door import Collecting, Declined, Drawn, TakingBack
from karez.services.payments.sources.registry import SOURCES
from karez.services.payments.trades.changes import PaymentReceipt, changed, receipt_of
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.operations import check_legs, paid, target_of
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import Action, State, reached
from karez.services.payments.trades.timers import later_ns, timers_of
from karez.services.payments.wallets.limits import day_use_ends, limit_use
from karez.services.payments.wallets.records import Wallet

PURPOSE = "trade_payment"
"""Of instructions by which a bank pays a part of a trade."""

Facts = tuple[Trade, Attempt]


def ask_bank(asking: Asking, house: House, trade: Trade, wallet: Wallet, drawn: Sequence[Drawn]) -> Operation:
    """Reserve what all other sources give, and ask the bank for its part.

    Args:
        asking: The payer's request.
        house: The payment house.
        trade: What is to be paid.
        wallet: The payer's, in the trade's currency.
        drawn: What the sources give, in order; together the price.

    Rejections: as of ``pay``; ``sources_of_two_banks``, ``bank_not_open``.
    """
    currency = house.currency(trade.currency)
    legs = [each.leg for each in drawn]
    own_minor = check_legs(trade, wallet, legs, currency)
    number, collecting = _the_bank(drawn)
    reserved = tuple(
        money_moves(
            asking.made_id("leg", place),
            leg.account,
            target_of(trade),
            leg.amount_minor,
            currency.money,
            TransferCode.PAYMENT,
            flags=TransferFlags.PENDING,
        )
        for place, leg in enumerate(legs)
        if place != number
    )
    limited = limit_use(asking, wallet.party, wallet.level, own_minor, currency) if own_minor else ()
    instructed = instruct(
        asking,
        house,
        collecting.bank,
        NewInstruction(
            party=wallet.party,
            direction="collect",
            purpose=PURPOSE,
            subject=trade.id,
            currency=trade.currency,
            amount_minor=legs[number].amount_minor,
            account=target_of(trade),
            reference=collecting.reference,
            remark=trade.title,
            return_url=collecting.return_url,
        ),
    )
    before = tuple(transfer for each in drawn for transfer in each.before)
    rows = tuple(row for each in drawn for row in each.rows)
    changes: dict[str, Scalar] = {
        "state": reached(trade.standing, Action.ASK_BANK, State.PAYING),
        "due_ns": None,
    }
    reply = PaymentReceipt(
        **msgspec.structs.asdict(receipt_of(trade, changes)), bank_page=collecting.page_url
    )
    return changed(
        asking,
        trade,
        "trade.ask_bank",
        "trade.paying",
        changes,
        transfers=(*limited, *before, *reserved),
        more_rows=(_attempt(asking, trade, wallet, legs, number, bool(limited)), *instructed.rows, *rows),
        parties=(trade.shop, wallet.party),
        reply=reply,
    )


def settle(asking: Asking, house: House, _instruction: Instruction, ending: Ending, facts: Facts) -> Effects:
    """Return what a bank's decision means for the trade that it was asked for."""
    trade, attempt = facts
    operation = (
        _paid(asking, house, trade, attempt)
        if ending.succeeded
        else _let_go(asking, house, trade, attempt, ending.code)
    )
    return Effects(transfers=operation.transfers, rows=operation.rows, events=operation.events)


SETTLER = Settler(read=attempt_of, settle=settle)
"""For instructions of the purpose ``PURPOSE``."""


def _attempt(
    asking: Asking, trade: Trade, wallet: Wallet, legs: Sequence[Leg], bank_leg: int, limited: bool
) -> RowInsert:
    return RowInsert(
        table="payment_attempt",
        key={"trade": str(trade.id), "instruction": str(instruction_id(asking))},
        values={
            "payer": str(wallet.party),
            "asked": str(asking.id),
            "legs": encode(list(legs)).decode(),
            "bank_leg": bank_leg,
            "limited": limited,
            "state": "asked",
            "code": "",
            "asked_ns": asking.now_ns,
            "ended_ns": None,
        },
    )


def _the_bank(drawn: Sequence[Drawn]) -> tuple[int, Collecting]:
    """Return the place of the bank's part and whom to ask for it."""
    found = [(place, each.collecting) for place, each in enumerate(drawn) if each.collecting is not None]
    if len(found) > 1:
        raise Rejected(
            "sources_of_two_banks", "A payment asks one bank at most; leave one of the banks' sources out."
        )
    return found[0]


def _paid(asking: Asking, house: House, trade: Trade, attempt: Attempt) -> Operation:
    unit = house.currency(trade.currency).money
    transfers = []
    for place, leg in enumerate(attempt.planned):
        if place == attempt.bank_leg:
            collected = money_moves(
                asking.made_id("leg", place),
                leg.account,
                target_of(trade),
                leg.amount_minor,
                unit,
                TransferCode.PAYMENT,
            )
            transfers.append(collected)
        else:
            transfers.append(_posted(asking, attempt, place))
    return changed(
        asking,
        trade,
        "trade.pay",
        "trade.paid",
        paid(asking, trade, attempt.payer, attempt.planned, Action.BANK_PAYS),
        transfers=tuple(transfers),
        more_rows=(_ended(asking, attempt, "paid", ""),),
        parties=(trade.shop, attempt.payer),
    )


def _let_go(asking: Asking, house: House, trade: Trade, attempt: Attempt, code: str) -> Operation:
    transfers: list[Transfer] = []
    rows: list[RowInsert | RowUpdate] = [_ended(asking, attempt, "declined", code)]
    for place, leg in enumerate(attempt.planned):
        if place == attempt.bank_leg:
            transfers += SOURCES[leg.source].let_go(
                Declined(asking, attempt.asked, attempt.asked_ns, place, leg)
            )
            continue
        transfers.append(_voided(asking.made_id("leg", place), attempt.reservation(place)))
        taken = SOURCES[leg.source].take_back(
            TakingBack(asking, house, trade, place, leg, 0, leg.amount_minor, is_all=True)
        )
        assert taken.account == leg.account, "a source whose money goes elsewhere does not wait for a bank"
        transfers += taken.after
        rows += taken.rows
    if attempt.limited:
        transfers += day_use_ends(asking.made_id("limit"), attempt.limit_use, attempt.asked_ns, asking.now_ns)
    changes: dict[str, Scalar] = {
        "state": reached(trade.standing, Action.BANK_DECLINES, State.CREATED),
        "due_ns": later_ns(asking.now_ns, timers_of(trade.category).pay_s),
    }
    return changed(
        asking,
        trade,
        "trade.let_go",
        "trade.payment_declined",
        changes,
        transfers=tuple(transfers),
        more_rows=tuple(rows),
        parties=(trade.shop, attempt.payer),
        told={"code": code},
    )


def _posted(asking: Asking, attempt: Attempt, place: int) -> Transfer:
    return Transfer(
        id=asking.made_id("leg", place),
        pending_id=attempt.reservation(place),
        amount=AMOUNT_MAX,
        code=TransferCode.PAYMENT,
        flags=int(TransferFlags.POST),
    )


def _voided(id_: UUID, reservation: UUID) -> Transfer:
    return Transfer(id=id_, pending_id=reservation, flags=int(TransferFlags.VOID))


def _ended(asking: Asking, attempt: Attempt, state: str, code: str) -> RowUpdate:
    return RowUpdate(
        table="payment_attempt",
        key={"trade": str(attempt.trade), "instruction": str(attempt.instruction)},
        expected={"state": attempt.state},
        changes={"state": state, "code": code, "ended_ns": asking.now_ns},
    )

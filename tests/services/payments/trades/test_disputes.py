"""Disputes: who may end them, and where trade, timer and money stand then."""

from collections.abc import Callable
from uuid import UUID

import pytest

from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments.trades import disputes, escrow, evidence
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.dispute_records import Disagreement, Dispute
from tests.services.payments.buying import DAY_NS, Market
from tests.services.payments.memory_karez import HOUSE, refused


@pytest.fixture
def market() -> Market:
    return Market()


def act(market: Market, id_: UUID, decide: Callable[[Asking, Disagreement], Operation]) -> None:
    market.karez.carry(decide(market.karez.asking(), market.disagreement(id_)))


def disputed(market: Market, id_: UUID, party: UUID, wanted_minor: int = 300) -> UUID:
    act(market, id_, lambda ask, facts: disputes.open_dispute(ask, facts, party, "broken", wanted_minor))
    return market.disagreement(id_).disputes[-1].id


@pytest.mark.parametrize("end", ["withdraw", "accept"])
def test_the_timer_goes_on_with_what_was_left(market: Market, end: str) -> None:
    id_ = market.paid(1_000)
    due_ns = market.trade(id_).due_ns
    assert due_ns is not None
    market.karez.now_ns += 3 * DAY_NS
    left_ns = due_ns - market.karez.now_ns
    dispute = disputed(market, id_, market.buyer)
    assert market.trade(id_).due_ns is None
    market.karez.now_ns += 50 * DAY_NS
    if end == "withdraw":
        act(market, id_, lambda ask, facts: disputes.withdraw(ask, facts, dispute, market.buyer))
    else:
        act(market, id_, lambda ask, facts: disputes.accept(ask, HOUSE, facts, dispute, market.shop))
    assert market.trade(id_).due_ns == market.karez.now_ns + left_ns


@pytest.mark.parametrize(("is_shipped", "days"), [(False, 30), (True, 10)])
def test_the_timer_starts_again_when_the_claim_is_refused(
    market: Market, is_shipped: bool, days: int
) -> None:
    id_ = market.paid(1_000)
    if is_shipped:
        market.karez.carry(trades.ship(market.karez.asking(), market.trade(id_), market.shop))
    market.karez.now_ns += 9 * DAY_NS
    dispute = disputed(market, id_, market.buyer)
    market.karez.now_ns += 9 * DAY_NS
    act(
        market,
        id_,
        lambda ask, facts: disputes.decide(ask, HOUSE, facts, dispute, "refused", None, "no proof"),
    )
    assert market.trade(id_).due_ns == market.karez.now_ns + days * DAY_NS


def test_a_timer_that_had_run_out_runs_out_at_once_afterwards(market: Market) -> None:
    id_ = market.paid(1_000)
    market.karez.now_ns += 40 * DAY_NS
    dispute = disputed(market, id_, market.shop)
    market.karez.now_ns += DAY_NS
    act(market, id_, lambda ask, facts: disputes.withdraw(ask, facts, dispute, market.shop))
    assert market.trade(id_).due_ns == market.karez.now_ns


def test_a_partial_decision_after_a_partial_release_divides_what_is_held(market: Market) -> None:
    id_ = market.paid(1_000)
    market.karez.carry(
        escrow.release_part(market.karez.asking(), HOUSE, market.trade(id_), market.buyer, 400)
    )
    dispute = disputed(market, id_, market.buyer, 600)
    act(market, id_, lambda ask, facts: disputes.decide(ask, HOUSE, facts, dispute, "partial", 250, "so"))
    trade = market.trade(id_)
    assert (trade.state, trade.released_minor, trade.returned_minor) == ("finished", 750, 250)
    ended = market.karez.row("trade_dispute", Dispute)
    assert (ended.state, ended.decision, ended.decision_reason, ended.returned_minor) == (
        "decided",
        "partial",
        "so",
        250,
    )


def test_all_that_is_left_goes_back_and_the_trade_is_finished_if_the_shop_has_something(
    market: Market,
) -> None:
    id_ = market.paid(1_000)
    market.karez.carry(
        escrow.release_part(market.karez.asking(), HOUSE, market.trade(id_), market.buyer, 400)
    )
    dispute = disputed(market, id_, market.buyer, 600)
    act(market, id_, lambda ask, facts: disputes.accept(ask, HOUSE, facts, dispute, market.shop))
    assert market.trade(id_).state == "finished"


def test_a_stranger_has_no_say(market: Market) -> None:
    id_ = market.paid(1_000)
    stranger = market.karez.party("person")
    with refused("trade_not_yours"):
        disputed(market, id_, stranger)
    dispute = disputed(market, id_, market.buyer)
    attempts: list[Callable[[Asking, Disagreement], Operation]] = [
        lambda ask, facts: disputes.withdraw(ask, facts, dispute, stranger),
        lambda ask, facts: disputes.accept(ask, HOUSE, facts, dispute, stranger),
        lambda ask, facts: evidence.give_evidence(ask, facts, dispute, stranger, "me too", None),
    ]
    for attempt in attempts:
        with refused("trade_not_yours"):
            act(market, id_, attempt)


def test_what_was_decided_upon_an_older_state_is_not_carried_out(market: Market) -> None:
    id_ = market.paid(1_000)
    dispute = disputed(market, id_, market.buyer)
    karez, facts = market.karez, market.disagreement(id_)
    late = disputes.accept(karez.asking(), HOUSE, facts, dispute, market.shop)
    said = evidence.give_evidence(karez.asking(), facts, dispute, market.buyer, "look", None)
    act(market, id_, lambda ask, found: disputes.withdraw(ask, found, dispute, market.buyer))
    assert {karez.submit(late).code, karez.submit(said).code} == {"row_state_changed"}

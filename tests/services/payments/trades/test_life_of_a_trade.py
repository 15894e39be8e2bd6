"""Whatever buyers, shops, the operator and the clock do to trades, in whatever order, the money stays right."""

import os
from collections import defaultdict
from collections.abc import Callable
from uuid import UUID

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, invariant, precondition, rule

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.banks.states import State as BankState
from karez.services.payments.refunds.records import Refund
from karez.services.payments.sources import asking_bank
from karez.services.payments.sources.attempts import Attempt
from karez.services.payments.sources.coupon_records import Campaign, Coupon
from karez.services.payments.trades import disputes, escrow, evidence
from karez.services.payments.trades import operations as trades
from karez.services.payments.trades.dispute_records import Dispute, Verdict
from karez.services.payments.trades.records import Trade
from karez.services.payments.trades.states import TRANSITIONS, Action
from tests.services.payments.buying import DAY_NS, Market, Named
from tests.services.payments.memory_karez import HOUSE

SHARES = st.sampled_from([1, 10, 33, 50, 50, 99, 100, 100, 0, -1, 101])
"""Of what a trade holds, or of what the shop has got of it, in percent."""
TRADES_MAX = 4


def mostly(right: str) -> st.SearchStrategy[str]:
    """Who tries something: mostly the side that may."""
    return st.sampled_from([right] * 7 + ["buyer", "shop", "stranger"])


VERDICTS: st.SearchStrategy[Verdict] = st.sampled_from(["full", "partial", "refused"])

ACTIONS_OF = {
    "trade.pay": Action.PAY,
    "trade.ship": Action.SHIP,
    "trade.confirm": Action.CONFIRM,
    "trade.extend": Action.EXTEND,
    "trade.close": Action.CLOSE,
    "trade.release_part": Action.RELEASE_PART,
    "trade.refund": Action.REFUND,
    "trade.dispute": Action.DISPUTE,
    "trade.withdraw_dispute": Action.WITHDRAW_DISPUTE,
    "trade.accept_claim": Action.ACCEPT_CLAIM,
    "trade.decide": Action.DECIDE,
}
CLOCKS = {Action.CLOSE, Action.CONFIRM, Action.REFUND}


class Trading(RuleBasedStateMachine):
    """Trades of one shop and one buyer, in any state, with anybody trying anything."""

    known = Bundle("known")

    @initialize()
    def open_market(self) -> None:
        self.market = Market()
        self.stranger = self.market.karez.party("person")

    def party(self, name: str) -> UUID:
        return {"buyer": self.market.buyer, "shop": self.market.shop, "stranger": self.stranger}[name]

    def amount(self, id_: UUID, share: int) -> int:
        trade = self.market.trade(id_)
        return (trade.held_minor or trade.released_minor) * share // 100

    def has_room(self) -> bool:
        return len(self.market.karez.rows("trade", Trade)) < TRADES_MAX

    def attempt(self, id_: UUID, decide: Callable[[Asking, Trade], Operation]) -> None:
        """Try something; if it is carried out, the table must know it."""
        before = self.market.trade(id_)
        karez = self.market.karez
        try:
            operation = decide(karez.asking(), before)
            karez.carry(operation)
        except Rejected:
            assert self.market.trade(id_) == before
            return
        after = self.market.trade(id_)
        if operation.kind == "trade.time_out":
            assert any(after.standing in TRANSITIONS[clock].get(before.standing, ()) for clock in CLOCKS)
        elif operation.kind in ACTIONS_OF:
            assert after.standing in TRANSITIONS[ACTIONS_OF[operation.kind]][before.standing]
        else:
            assert after.standing == before.standing

    @precondition(lambda self: self.has_room())
    @rule(
        target=known,
        amount=st.integers(1, 3_000),
        mode=st.sampled_from(["escrow", "escrow", "direct"]),
        category=st.sampled_from(["goods", "service"]),
    )
    def order(self, amount: int, mode: trades.Mode, category: str) -> UUID:
        return self.market.order(amount, mode, category)

    @precondition(lambda self: self.has_room())
    @rule(
        target=known,
        amount=st.integers(1, 3_000),
        worth=st.integers(1, 2_000),
        order=st.sampled_from(["balance", "coupon first", "coupon last", "two coupons", "card", "card last"]),
    )
    def order_and_pay(self, amount: int, worth: int, order: str) -> UUID:
        market, id_ = self.market, self.market.order(amount)
        sources: dict[str, list[Named]] = {
            "balance": [None],
            "coupon first": [market.coupon(worth), None],
            "coupon last": [None, market.coupon(worth)],
            "two coupons": [market.coupon(worth), market.coupon(worth), None],
            "card": ["token"],
            "card last": [market.coupon(worth), "token"],
        }
        market.pay(id_, *sources[order])
        return id_

    @precondition(lambda self: self.has_room())
    @rule(target=known, amount=st.integers(2, 3_000), who=st.sampled_from(["buyer", "shop"]), share=SHARES)
    def order_pay_and_dispute(self, amount: int, who: str, share: int) -> UUID:
        id_ = self.market.paid(amount, self.market.coupon(50), None)
        if share > 33:
            self.attempt(id_, lambda asking, trade: trades.ship(asking, trade, self.market.shop))
        self.try_to_dispute(id_, who, share)
        return id_

    def try_to_dispute(self, id_: UUID, who: str, share: int) -> None:
        facts, party, amount = self.market.disagreement(id_), self.party(who), self.amount(id_, share)
        self.attempt(id_, lambda asking, _: disputes.open_dispute(asking, facts, party, "broken", amount))

    @rule(
        id_=known,
        action=st.sampled_from(["pay", "ship", "ship", "confirm", "extend", "close"]),
        who=mostly("right"),
    )
    def go_on(self, id_: UUID, action: str, who: str) -> None:
        right = "shop" if action in ("ship", "close") else "buyer"
        party = self.party(right if who == "right" else who)
        wallet = self.market.karez.wallet(party)
        actions: dict[str, Callable[[Asking, Trade], Operation]] = {
            "pay": lambda asking, trade: trades.pay_from_balance(asking, HOUSE, trade, wallet),
            "ship": lambda asking, trade: trades.ship(asking, trade, party),
            "confirm": lambda asking, trade: trades.confirm(asking, HOUSE, trade, party),
            "extend": lambda asking, trade: trades.extend(asking, trade, party),
            "close": lambda asking, trade: trades.close(asking, trade, party),
        }
        self.attempt(id_, actions[action])

    @rule(id_=known, who=mostly("buyer"), share=SHARES)
    def release_part(self, id_: UUID, who: str, share: int) -> None:
        amount, party = self.amount(id_, share), self.party(who)
        self.attempt(id_, lambda asking, trade: escrow.release_part(asking, HOUSE, trade, party, amount))

    @rule(id_=known, share=SHARES, reference=st.sampled_from(["a", "b", "c", "d"]))
    def refund(self, id_: UUID, share: int, reference: str) -> None:
        amount = self.amount(id_, share)
        self.attempt(id_, lambda *_: self.market.refund_operation(id_, amount, reference))

    @rule(id_=known, who=mostly("buyer"), share=SHARES)
    def dispute(self, id_: UUID, who: str, share: int) -> None:
        self.try_to_dispute(id_, who, share)

    @rule(
        id_=known,
        who=st.sampled_from(["buyer", "shop"]),
        end=st.sampled_from(["withdraw", "accept", "evidence"]),
    )
    def go_on_with_a_dispute(self, id_: UUID, who: str, end: str) -> None:
        facts, party = self.market.disagreement(id_), self.party(who)
        last = disputes.dispute_id(id_, max(len(facts.disputes) - 1, 0))
        ends: dict[str, Callable[[Asking], Operation]] = {
            "withdraw": lambda asking: disputes.withdraw(asking, facts, last, party),
            "accept": lambda asking: disputes.accept(asking, HOUSE, facts, last, party),
            "evidence": lambda asking: evidence.give_evidence(asking, facts, last, party, "see", None),
        }
        self.attempt(id_, lambda asking, _: ends[end](asking))

    @rule(id_=known, verdict=VERDICTS, share=SHARES)
    def decide(self, id_: UUID, verdict: Verdict, share: int) -> None:
        facts = self.market.disagreement(id_)
        amount = self.amount(id_, share) if verdict == "partial" else None
        last = disputes.dispute_id(id_, max(len(facts.disputes) - 1, 0))
        self.attempt(
            id_, lambda asking, _: disputes.decide(asking, HOUSE, facts, last, verdict, amount, "so it is")
        )

    @rule(
        answer=st.sampled_from(
            [BankState.SUCCEEDED, BankState.SUCCEEDED, BankState.DECLINED, BankState.GIVEN_UP]
        )
    )
    def a_bank_answers(self, answer: BankState) -> None:
        for instruction in self.market.waiting()[:1]:
            before = self.market.trade(instruction.subject)
            self.market.answer(instruction, answer)
            after = self.market.trade(instruction.subject)
            if instruction.purpose == asking_bank.PURPOSE:
                action = Action.BANK_PAYS if answer is BankState.SUCCEEDED else Action.BANK_DECLINES
                assert after.standing in TRANSITIONS[action][before.standing]
            else:
                assert after == before

    @rule(days=st.sampled_from([0, 0, 1, 4, 11, 31]))
    def wait(self, days: int) -> None:
        self.market.karez.now_ns += days * DAY_NS + 1
        for trade in self.market.karez.rows("trade", Trade):
            if trade.due_ns is not None and trade.due_ns <= self.market.karez.now_ns:
                self.attempt(trade.id, lambda asking, found: trades.time_out(asking, HOUSE, found))

    @invariant()
    def the_price_is_held_released_or_returned(self) -> None:
        for trade in self.market.karez.rows("trade", Trade):
            parts = trade.held_minor, trade.released_minor, trade.returned_minor
            assert min(parts) >= 0
            is_paid = trade.state not in ("created", "paying", "closed")
            assert sum(parts) == (trade.amount_minor if is_paid else 0)
            assert sum(leg.amount_minor for leg in trade.paid_from) == sum(parts)
            assert (trade.held_minor > 0) == (trade.state in ("paid", "shipped", "disputed"))
            has_timer = trade.state in ("created", "paid", "shipped")
            assert (trade.due_ns is not None) == has_timer

    @invariant()
    def escrow_is_what_trades_hold(self) -> None:
        karez = self.market.karez
        assert karez.owed(accounts.escrow("CNY")) == sum(
            trade.held_minor for trade in karez.rows("trade", Trade)
        )

    @invariant()
    def takings_are_what_was_released_and_not_refunded(self) -> None:
        karez = self.market.karez
        released = sum(trade.released_minor for trade in karez.rows("trade", Trade))
        refunded = sum(each.amount_minor for each in karez.rows("refund", Refund, taken_from="takings"))
        assert karez.owed(accounts.takings(self.market.shop, "CNY")) == released - refunded

    @invariant()
    def no_trade_is_refunded_beyond_what_the_shop_had(self) -> None:
        karez = self.market.karez
        for trade in karez.rows("trade", Trade):
            made = karez.rows("refund", Refund, trade=trade.id, taken_from="takings")
            assert sum(each.amount_minor for each in made) <= trade.released_minor
            if made:
                left = trade.released_minor - sum(each.amount_minor for each in made)
                assert karez.owed(accounts.refundable(trade.id)) == left

    @invariant()
    def every_leg_gets_back_what_it_gave_at_most(self) -> None:
        karez = self.market.karez
        for trade in karez.rows("trade", Trade):
            got: dict[tuple[UUID, str], int] = {}
            for each in karez.rows("refund", Refund, trade=trade.id):
                for leg in each.went_to:
                    place = leg.account, leg.reference
                    got[place] = got.get(place, 0) + leg.amount_minor
            gave = {(leg.account, leg.reference): leg.amount_minor for leg in trade.paid_from}
            assert all(minor <= gave[place] for place, minor in got.items())

    @invariant()
    def what_people_hold_of_campaigns_is_set_aside(self) -> None:
        karez = self.market.karez
        reserved = self.reserved_for_banks()
        for each in karez.rows("coupon", Coupon, state="claimed"):
            reserved[accounts.coupon_budget(each.campaign)] += each.worth_minor
        for campaign in karez.rows("coupon_campaign", Campaign):
            budget = accounts.coupon_budget(campaign.id)
            assert karez.balance(budget).debits_pending == reserved[budget]

    @invariant()
    def what_waits_for_banks_is_reserved_and_nothing_else(self) -> None:
        wallet = accounts.wallet(self.market.buyer, "CNY")
        going_out = sum(each.amount_minor for each in self.market.waiting(direction="pay_out"))
        reserved = self.reserved_for_banks()[wallet] + going_out
        assert self.market.karez.balance(wallet).debits_pending == reserved

    def reserved_for_banks(self) -> dict[UUID, int]:
        reserved: dict[UUID, int] = defaultdict(int)
        for attempt in self.market.karez.rows("payment_attempt", Attempt, state="asked"):
            for leg in attempt.planned:
                reserved[leg.account] += leg.amount_minor
        return reserved

    @invariant()
    def a_dispute_is_open_while_its_trade_is_disputed(self) -> None:
        karez = self.market.karez
        still_open = {each.trade for each in karez.rows("trade_dispute", Dispute, state="open")}
        assert still_open == {trade.id for trade in karez.rows("trade", Trade, state="disputed")}


TestTrading = pytest.mark.usefixtures("cards")(Trading.TestCase)
TestTrading.settings = settings(
    max_examples=2_000 if os.environ.get("KAREZ_LONG") else 150,
    stateful_step_count=50,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

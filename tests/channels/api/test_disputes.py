"""Disputes over HTTP: the timer stands still, both sides speak, and money goes where it was agreed or decided."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from karez.channels.api.moments import parse_moment
from karez.services.payments.trades.due import SWEEPS
from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import DAY_S, TimedTown
from tests.channels.api.town import Town, done


class Sale:
    """A trade over 30.00 that is paid and shipped.

    Args:
        town: Where.
    """

    def __init__(self, town: Town) -> None:
        self.town = town
        self.shop, self.buyer = town.shop(), town.person(10_000)
        self.trade = town.order(self.shop, 3_000)
        self.path = f"/v1/trades/{self.trade}"
        done(town.act(self.buyer, f"{self.path}/pay"), 200)
        done(town.act(self.shop, f"{self.path}/ship"), 200)

    def dispute(self, party: str, wanted_minor: int = 800) -> str:
        """Open a dispute and return its address."""
        opened = done(self.try_dispute(party, wanted_minor), 201).json()
        assert (opened["state"], opened["trade_state"]) == ("open", "disputed")
        return f"{self.path}/disputes/{opened['id']}"

    def try_dispute(self, party: str, wanted_minor: int) -> httpx.Response:
        """Try to open a dispute."""
        body = {"reason": "One bowl is broken.", "wanted_minor": wanted_minor}
        return self.town.act(party, f"{self.path}/disputes", body, key=fresh_id())

    def decide(self, dispute: str, decision: str, returned_minor: int | None = None) -> httpx.Response:
        """Decide, as the operator."""
        body: dict[str, Any] = {"decision": decision, "reason": "So it is."}
        if returned_minor is not None:
            body["returned_minor"] = returned_minor
        return self.town.operator.post(f"{dispute}/decide", json=body)

    def read(self) -> dict[str, Any]:
        """Read the trade."""
        return dict(done(self.town.bank.get(self.path, headers={"Acting-For": self.buyer}), 200).json())

    def money(self) -> tuple[int, int, int, int, int]:
        """Return held, released, returned, the buyer's balance and the shop's takings."""
        trade = self.read()
        return (
            trade["held_minor"],
            trade["released_minor"],
            trade["returned_minor"],
            self.town.wallet(self.buyer)["available_minor"],
            self.town.wallet(self.shop)["takings_minor"],
        )


def test_the_operator_decides_that_all_a_part_or_nothing_goes_back(town: Town) -> None:
    full, partial, refused = Sale(town), Sale(town), Sale(town)
    assert done(full.decide(full.dispute(full.buyer), "full"), 200).json()["trade_state"] == "returned"
    assert full.money() == (0, 0, 3_000, 10_000, 0)
    ended = done(partial.decide(partial.dispute(partial.buyer), "partial", 500), 200).json()
    assert (ended["state"], ended["trade_state"], ended["returned_minor"]) == ("decided", "finished", 500)
    assert partial.money() == (0, 2_500, 500, 7_500, 2_500)
    assert (
        done(refused.decide(refused.dispute(refused.buyer), "refused"), 200).json()["trade_state"]
        == "shipped"
    )
    assert refused.money() == (3_000, 0, 0, 7_000, 0)


def test_a_decision_names_an_amount_where_it_splits_and_nowhere_else(town: Town) -> None:
    sale = Sale(town)
    dispute = sale.dispute(sale.buyer)
    for decision, amount in (("partial", None), ("partial", 3_000), ("full", 3_000), ("refused", 1)):
        facts = assert_problem(sale.decide(dispute, decision, amount), 422, "decision_amount_wrong")
        assert facts == {"held_minor": 3_000}
    assert sale.read()["state"] == "disputed"


def test_the_other_side_accepts_and_the_rest_waits_as_before(town: Town) -> None:
    sale = Sale(town)
    dispute = sale.dispute(sale.buyer, 800)
    assert_problem(town.act(sale.buyer, f"{dispute}/accept"), 403, "dispute_not_yours")
    accepted = done(town.act(sale.shop, f"{dispute}/accept"), 200).json()
    assert (accepted["state"], accepted["trade_state"]) == ("accepted", "shipped")
    assert sale.money() == (2_200, 0, 800, 7_800, 0)
    done(town.act(sale.buyer, f"{sale.path}/confirm"), 200)
    assert sale.money() == (0, 2_200, 800, 7_800, 2_200)


def test_only_who_opened_a_dispute_withdraws_it(town: Town) -> None:
    sale = Sale(town)
    dispute = sale.dispute(sale.shop)
    assert_problem(town.act(sale.buyer, f"{dispute}/withdraw"), 403, "dispute_not_yours")
    assert done(town.act(sale.shop, f"{dispute}/withdraw"), 200).json()["trade_state"] == "shipped"
    assert_problem(town.act(sale.buyer, f"{dispute}/accept"), 409, "dispute_over")
    assert_problem(sale.decide(dispute, "full"), 409, "dispute_over")


def test_nothing_else_happens_to_a_trade_in_dispute(town: Town) -> None:
    sale = Sale(town)
    sale.dispute(sale.buyer)
    for party, action in ((sale.buyer, "confirm"), (sale.buyer, "extend"), (sale.shop, "ship")):
        answer = town.act(party, f"{sale.path}/{action}", key=fresh_id())
        assert_problem(answer, 409, "trade_state_wrong")
    part, refund = {"amount_minor": 1}, {"reference": "r", "amount_minor": 1}
    assert_problem(
        town.act(sale.buyer, f"{sale.path}/release", part, key=fresh_id()), 409, "trade_state_wrong"
    )
    assert_problem(town.act(sale.shop, f"{sale.path}/refunds", refund), 409, "trade_state_wrong")
    assert_problem(sale.try_dispute(sale.shop, 1), 409, "trade_state_wrong")


def test_both_sides_say_what_they_have_to_say_and_all_read_it(town: Town) -> None:
    sale = Sale(town)
    dispute = sale.dispute(sale.buyer)
    said = [
        (sale.buyer, {"content": "It was wet.\nLook.", "file_sha256": "ab" * 32}),
        (sale.shop, {"content": "它是干的。"}),
    ]
    for party, body in said:
        done(town.act(party, f"{dispute}/evidence", body, key=fresh_id()), 201)
    read = town.bank.get(f"{sale.path}/disputes", headers={"Acting-For": sale.shop})
    (found,) = done(read, 200).json()["items"]
    assert [(each["number"], each["given_by"], each["content"]) for each in found["evidence"]] == [
        (0, "buyer", "It was wet.\nLook."),
        (1, "shop", "它是干的。"),
    ]
    waiting = done(town.operator.get("/v1/disputes", params={"limit": 1000}), 200).json()["items"]
    assert found in waiting
    done(town.act(sale.buyer, f"{dispute}/withdraw"), 200)
    late = town.act(sale.buyer, f"{dispute}/evidence", {"content": "late"}, key=fresh_id())
    assert_problem(late, 409, "dispute_over")
    waiting = done(town.operator.get("/v1/disputes", params={"limit": 1000}), 200).json()["items"]
    assert sale.trade not in [each["trade"] for each in waiting]


def test_a_side_can_say_only_so_much_and_the_other_side_still_speaks(town: Town) -> None:
    sale = Sale(town)
    path = f"{sale.dispute(sale.buyer)}/evidence"

    def say(party: str) -> httpx.Response:
        return town.act(party, path, {"content": "again"}, key=fresh_id())

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda _: say(sale.buyer), range(64)))
    assert sorted(answer.status_code for answer in answers) == [201] * 20 + [409] * 44
    assert sorted(answer.json()["number"] for answer in answers if answer.status_code == 201) == [*range(20)]
    assert done(say(sale.shop), 201).json()["number"] == 20
    too_long = town.act(sale.shop, path, {"content": "x" * 2_001}, key=fresh_id())
    assert_problem(too_long, 400, "field_invalid")


def test_of_64_endings_at_once_one_happens(town: Town) -> None:
    sale = Sale(town)
    dispute = sale.dispute(sale.buyer, 3_000)
    endings = [
        lambda: town.act(sale.buyer, f"{dispute}/withdraw", key=fresh_id()),
        lambda: town.act(sale.shop, f"{dispute}/accept", key=fresh_id()),
        lambda: sale.decide(dispute, "partial", 1_000),
        lambda: sale.decide(dispute, "full"),
    ]
    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(lambda n: endings[n % 4](), range(64)))
    ended = [answer for answer in answers if answer.status_code == 200]
    assert {answer.content for answer in ended} == {ended[0].content}
    assert {answer.json()["code"] for answer in answers if answer.status_code != 200} <= {
        "dispute_over",
        "trade_state_wrong",
    }
    held, released, returned, balance, takings = sale.money()
    assert held + released + returned == 3_000
    assert (balance, takings) == (7_000 + returned, released)


def test_a_trade_is_disputed_five_times_at_most(town: Town) -> None:
    sale = Sale(town)
    for _ in range(5):
        done(town.act(sale.buyer, f"{sale.dispute(sale.buyer)}/withdraw"), 200)
    assert_problem(sale.try_dispute(sale.buyer, 1), 409, "disputes_used_up")
    assert_problem(Sale(town).try_dispute(sale.buyer, 1), 404, "trade_not_found")
    assert_problem(Sale(town).try_dispute(fresh_id(), 1), 404, "party_unknown")


def test_more_than_escrow_holds_is_not_wanted(town: Town) -> None:
    sale = Sale(town)
    assert assert_problem(sale.try_dispute(sale.buyer, 3_001), 422, "amount_above_escrow") == {
        "held_minor": 3_000
    }


def test_the_timer_stands_still_and_goes_on_with_what_was_left(timed_town: TimedTown) -> None:
    sale = Sale(timed_town)
    due_ns = parse_moment(sale.read()["due"])
    timed_town.clock.leap(4 * DAY_S)
    left_ns = due_ns - timed_town.clock.now_ns()
    dispute = sale.dispute(sale.buyer)
    assert sale.read()["due"] is None
    timed_town.clock.leap(100 * DAY_S)
    assert timed_town.sweep(SWEEPS) == 0
    done(timed_town.act(sale.buyer, f"{dispute}/withdraw"), 200)
    left_then_ns = parse_moment(sale.read()["due"]) - timed_town.clock.now_ns()
    assert abs(left_then_ns - left_ns) < 60 * 1_000_000_000
    timed_town.clock.leap(5 * DAY_S)
    assert timed_town.sweep(SWEEPS) == 0
    timed_town.clock.leap(2 * DAY_S)
    assert timed_town.sweep(SWEEPS) == 1
    assert sale.money() == (0, 3_000, 0, 7_000, 3_000)


def test_a_refused_claim_starts_the_timer_from_the_beginning(timed_town: TimedTown) -> None:
    sale = Sale(timed_town)
    timed_town.clock.leap(9 * DAY_S)
    dispute = sale.dispute(sale.buyer)
    done(sale.decide(dispute, "refused"), 200)
    left_ns = parse_moment(sale.read()["due"]) - timed_town.clock.now_ns()
    assert 10 * DAY_S - 60 < left_ns / 1_000_000_000 <= 10 * DAY_S

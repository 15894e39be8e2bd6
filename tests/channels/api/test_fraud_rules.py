"""The operator reads and replaces rules, keeps lists, and reads decisions; nobody else does."""

from typing import Any

import httpx
import pytest

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.timed import TimedTown
from tests.channels.api.town import CURRENCY, done

RULE: dict[str, Any] = {"kind": "amount_band", "currency": CURRENCY, "from_minor": 77, "outcome": "refuse"}


def replace(
    town: TimedTown, version: int, rules: Any, note: str = "x", key: str | None = None
) -> httpx.Response:
    body = {"version": version, "rules": rules, "note": note}
    return town.operator.put("/v1/fraud/rules", json=body, headers={"Idempotency-Key": key or fresh_id()})


def current(town: TimedTown) -> dict[str, Any]:
    return dict(done(town.operator.get("/v1/fraud/rules"), 200).json())


def test_replaced_rules_hold_and_every_version_stays(timed_town: TimedTown) -> None:
    before = current(timed_town)
    key = fresh_id()
    first = done(replace(timed_town, before["version"], {"mine": RULE}, "a wave of fraud", key), 200)
    assert (
        replace(timed_town, before["version"], {"mine": RULE}, "a wave of fraud", key).content
        == first.content
    )
    now = current(timed_town)
    assert (now["version"], now["note"]) == (before["version"] + 1, "a wave of fraud")
    assert now["rules"] == {"mine": {**RULE, "below_minor": None}}
    assert now["changed_by"].startswith("credential ")
    done(replace(timed_town, now["version"], {}, "it is over"), 200)
    page = done(timed_town.operator.get("/v1/fraud/rules/versions", params={"limit": 2}), 200).json()
    assert [each["note"] for each in page["items"]] == ["it is over", "a wave of fraud"]
    following = {"before": page["next_before"]}
    rest = done(timed_town.operator.get("/v1/fraud/rules/versions", params=following), 200).json()
    assert [each["version"] for each in rest["items"]] == list(range(before["version"], 0, -1))


def test_of_two_who_replace_the_same_version_one_is_told(timed_town: TimedTown) -> None:
    version = current(timed_town)["version"]
    done(replace(timed_town, version, {}, "first"), 200)
    late = replace(timed_town, version, {"mine": RULE}, "second")
    assert assert_problem(late, 409, "fraud_rules_changed") == {"version": version + 1}


@pytest.mark.parametrize(
    ("rules", "status", "code"),
    [
        ({"No Name": RULE}, 422, "fraud_rule_invalid"),
        ({"x": {**RULE, "currency": "XXX"}}, 422, "currency_unknown"),
        ({"x": {**RULE, "outcome": "laugh"}}, 400, "field_invalid"),
        ({"x": {**RULE, "from_minr": 5}}, 400, "field_unknown"),
        ({"x": {"kind": "telepathy"}}, 400, "field_invalid"),
        (
            {"x": {"kind": "score_above", "model": "m", "limit_bps": 5, "outcome": "refuse"}},
            422,
            "fraud_rule_invalid",
        ),
    ],
)
def test_a_rule_that_cannot_work_is_not_taken(
    timed_town: TimedTown, rules: Any, status: int, code: str
) -> None:
    version = current(timed_town)["version"]
    assert_problem(replace(timed_town, version, rules), status, code)
    assert current(timed_town)["version"] == version


def test_a_change_says_why(timed_town: TimedTown) -> None:
    version = current(timed_town)["version"]
    assert_problem(replace(timed_town, version, {}, " "), 422, "fraud_reason_missing")


def test_somebody_is_listed_kept_longer_and_taken_off(timed_town: TimedTown) -> None:
    whom = {"kind": "person", "party": timed_town.person()}
    until = "2199-01-01T00:00:00Z"
    timed_town.decide("/v1/fraud/list", {**whom, "verdict": "block", "reason": "Debts.", "until": until})
    timed_town.decide("/v1/fraud/list", {**whom, "verdict": "allow", "reason": "Paid."})
    newest = done(timed_town.operator.get("/v1/fraud/list", params={"limit": 1}), 200).json()
    (entry,) = newest["items"]
    assert (entry["party"], entry["verdict"], entry["reason"], entry["until"]) == (
        whom["party"],
        "allow",
        "Paid.",
        None,
    )
    end = {**whom, "reason": "Not needed."}

    def ending() -> httpx.Response:
        return timed_town.operator.post(
            "/v1/fraud/list/end", json=end, headers={"Idempotency-Key": fresh_id()}
        )

    done(ending(), 200)
    assert_problem(ending(), 404, "fraud_entry_not_found")


@pytest.mark.parametrize(
    "whom",
    [
        {"kind": "person"},
        {"kind": "person", "device": "x"},
        {"kind": "device", "device": "x", "fingerprint": "0" * 32},
        {"kind": "card", "device": "x"},
    ],
)
def test_an_entry_that_names_nobody_is_not_taken(timed_town: TimedTown, whom: dict[str, str]) -> None:
    answer = timed_town.operator.put(
        "/v1/fraud/list",
        json={**whom, "verdict": "block", "reason": "x"},
        headers={"Idempotency-Key": fresh_id()},
    )
    assert_problem(answer, 422, "fraud_entry_malformed")


def test_decisions_are_paged_and_filtered_by_party_and_outcome(timed_town: TimedTown) -> None:
    band = {**RULE, "from_minor": 1_000}
    counted = {
        "kind": "velocity",
        "subject": "person",
        "window": "day",
        "measure": "count",
        "limit": 200,
        "outcome": "challenge",
    }
    timed_town.judge_by({"band": band, "counted": counted})
    payer, payee = timed_town.person(100_000), timed_town.person()
    for amount_minor in (1_000, 5, 1_001, 6):
        body = {"id": fresh_id(), "to": payee, "currency": CURRENCY, "amount_minor": amount_minor}
        timed_town.act(payer, "/v1/money-transfers", body)

    def listed(**query: Any) -> list[int]:
        found: list[int] = []
        while True:
            page = done(timed_town.operator.get("/v1/fraud/decisions", params=query), 200).json()
            found += [each["amount_minor"] for each in page["items"]]
            if page["next_before"] is None:
                return found
            query["before"] = page["next_before"]

    assert listed(party=payer, limit=1) == [6, 1_001, 5, 1_000]
    assert listed(party=payer, outcome="allow") == [6, 5]
    assert listed(party=payee, side="shop", outcome="refuse", limit=1) == [1_001, 1_000]
    assert listed(party=payee) == []
    assert listed(outcome="refuse")[:2] == [1_001, 1_000]
    answer = timed_town.operator.get("/v1/fraud/decisions", params={"outcome": "allow"})
    assert_problem(answer, 422, "fraud_party_needed")
    assert_problem(
        timed_town.operator.get(f"/v1/fraud/decisions/{fresh_id()}"), 404, "fraud_decision_not_found"
    )


@pytest.mark.parametrize("path", ["/v1/fraud/rules", "/v1/fraud/list", "/v1/fraud/decisions"])
def test_an_institution_reads_neither_rules_nor_lists_nor_decisions(timed_town: TimedTown, path: str) -> None:
    assert_problem(timed_town.bank.get(path), 403, "permission_missing")

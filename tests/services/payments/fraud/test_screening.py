"""A payment becomes one operation with the decision about it, whichever way that goes."""

from dataclasses import replace
from typing import Any

import psycopg
import pytest

from karez.core.ids import derived_id
from karez.ledger.operations import Operation
from karez.services.payments.fraud.attempts import (
    Observed,
    PaymentAttempt,
    Subject,
    Window,
    fingerprints,
    sealer,
)
from karez.services.payments.fraud.challenges import LIFE_S, confirm, find_challenge
from karez.services.payments.fraud.decisions import party_page, stopped_page
from karez.services.payments.fraud.observing import observed
from karez.services.payments.fraud.rules import AmountBand, NamedRule, Rule, Velocity
from karez.services.payments.fraud.screening import (
    StopReceipt,
    ToJudge,
    decision_id,
    judged_together,
    refusal,
    stop_of,
)
from karez.services.payments.house import House
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator, as_person
from tests.conftest import SECRET_KEY
from tests.parties.making import refused
from tests.services.payments.fraud.conftest import Commit, Remember, asking
from tests.services.payments.fraud.making import ANA, BEN, NOW_NS, SECOND_NS, attempt, only

NOTHING_KNOWN = Observed({})
HOUSE = House(1, {})
CHALLENGE: Rule = AmountBand(currency="CNY", from_minor=1, outcome="challenge")
REFUSE: Rule = AmountBand(currency="CNY", from_minor=1, outcome="refuse")
COUNT: Rule = Velocity(subject=Subject.CARD, window=Window.HOUR, measure="count", limit=9, outcome="refuse")
LATER_NS = NOW_NS + SECOND_NS


def screened(rules: tuple[NamedRule, ...], now: PaymentAttempt, known: Observed = NOTHING_KNOWN) -> Operation:
    """What becomes of a payment that moves nothing but is told apart by its reply."""
    payment = asking(now.at_ns).operation("test.pay", "paid")
    (made,) = judged_together(HOUSE, rules, [ToJudge(asking(now.at_ns), now, payment)], [known])
    return made


def receipt_of(operation: Operation) -> StopReceipt:
    receipt = stop_of(bytes(operation.reply))
    assert receipt is not None
    return receipt


def test_an_allowed_payment_keeps_its_decision_in_its_own_operation(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    now = attempt(confirmed=True)
    made = screened(only(CHALLENGE), now)
    assert made.kind == "test.pay"
    assert commit(made).accepted
    with as_operator(web):
        (kept,) = party_page(web, "person", ANA, None, LATER_NS, limit=10)
        assert stopped_page(web, None, LATER_NS, limit=10) == []
    assert (kept.id, kept.outcome) == (decision_id(now), "allow")
    (why,) = kept.why
    assert (why.rule, why.version, why.seen, why.limit) == ("the_rule", 3, 1_000, 0)


def test_an_allowed_payment_is_kept_if_a_rule_counts_it_later_and_else_is_as_it_was() -> None:
    counted, plain = screened(only(COUNT), attempt()), screened((), attempt())
    assert [row.table for row in counted.rows] == ["fraud_decision"]
    assert plain.rows == ()


@pytest.mark.parametrize(
    ("rule", "code", "outcome"),
    [(CHALLENGE, "payment_needs_confirmation", "challenge"), (REFUSE, "payment_refused", "refuse")],
)
def test_a_stopped_payment_keeps_its_decision_in_place_of_paying(
    web: psycopg.Connection[Any], commit: Commit, rule: Rule, code: str, outcome: str
) -> None:
    now = attempt()
    made = screened(only(rule, "secret_rule"), now)
    assert (made.kind, made.transfers) == ("fraud.stop_payment", ())
    assert commit(made).accepted
    told = refusal(receipt_of(made), None)
    assert told.code == code
    assert decision_id(now) in told.facts.values()
    assert "secret_rule" not in f"{told}{told.facts}"
    with as_operator(web):
        (kept,) = stopped_page(web, None, LATER_NS, limit=10)
    assert (kept.person, kept.outcome, kept.amount_minor) == (ANA, outcome, 1_000)


def test_the_operator_is_told_of_every_stop_and_the_payer_of_a_challenge(
    database: Database, commit: Commit
) -> None:
    commit(screened(only(CHALLENGE), attempt()))
    commit(screened(only(REFUSE), attempt()))
    with connect(database.worker) as conn:
        told = conn.execute("SELECT topic, payload FROM outbox_event ORDER BY topic").fetchall()
    assert [(topic, payload["parties"]) for topic, payload in told] == [
        ("fraud.stopped", []),
        ("fraud.stopped", []),
        ("payment.challenged", [str(ANA)]),
    ]
    assert "rules" not in told[2][1]


def test_a_payment_and_its_stop_cannot_both_happen(commit: Commit) -> None:
    request, now = asking(), attempt()
    payment = request.operation("test.pay", "paid")
    (stop,) = judged_together(HOUSE, only(REFUSE), [ToJudge(request, now, payment)], [NOTHING_KNOWN])
    assert commit(stop).accepted
    late = commit(payment)
    assert late.repeated
    assert bytes(late.reply) == bytes(stop.reply)


def test_payments_that_are_judged_together_count_each_other() -> None:
    limit: Rule = Velocity(
        subject=Subject.PERSON, window=Window.HOUR, measure="count", limit=2, outcome="refuse"
    )
    payments = [ToJudge(asking(), attempt(), asking().operation("test.pay", "paid")) for _ in range(4)]
    made = judged_together(HOUSE, only(limit), payments, [NOTHING_KNOWN] * 4)
    assert [each.kind for each in made] == ["test.pay"] * 2 + ["fraud.stop_payment"] * 2


def test_a_challenge_is_confirmed_once_in_its_time_by_another(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    now = attempt()
    commit(screened(only(CHALLENGE), now))
    with as_person(web, ANA):
        challenge = find_challenge(web, ANA, decision_id(now))
    with as_person(web, BEN), refused("challenge_not_found"):
        find_challenge(web, ANA, decision_id(now))
    for_another = replace(asking(), actor="tester for a shop")
    for own in (asking(), for_another):
        with refused("challenge_asked_by_you"):
            confirm(own, challenge)
    another = type(asking())(asking().id, "another credential", b"", NOW_NS)
    late = type(asking())(asking().id, "another credential", b"", NOW_NS + LIFE_S * SECOND_NS)
    with refused("challenge_expired"):
        confirm(late, challenge)
    assert commit(confirm(another, challenge)).accepted
    assert (
        commit(confirm(type(another)(asking().id, "third", b"", NOW_NS), challenge)).code
        == "row_state_changed"
    )
    with as_person(web, ANA):
        again = find_challenge(web, ANA, decision_id(now))
    assert again.state(NOW_NS) == "confirmed"
    with refused("challenge_confirmed_before"):
        confirm(another, again)


def test_a_thief_who_tries_out_a_card_is_stopped_by_the_earlier_stops(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    rules = (
        *only(AmountBand(currency="CNY", from_minor=500, outcome="challenge"), "large"),
        *only(
            Velocity(subject=Subject.CARD, window=Window.HOUR, measure="stopped", limit=3, outcome="refuse"),
            "tries",
        ),
    )
    outcomes = []
    for number in range(6):
        now = attempt(999, ago_s=-number)
        with as_operator(web):
            (known,) = observed(web, [now])
        made = screened(rules, now, known)
        commit(made)
        outcomes.append(receipt_of(made).outcome)
    assert outcomes == ["challenge"] * 4 + ["refuse"] * 2


def test_a_page_has_all_decisions_of_its_last_moment(
    web: psycopg.Connection[Any], remember: Remember
) -> None:
    remember(*(attempt(amount_minor, ago_s=amount_minor // 2) for amount_minor in range(1, 7)))
    remember(attempt(person=BEN))
    with as_operator(web):
        first = party_page(web, "person", ANA, None, LATER_NS, limit=2)
        rest = party_page(web, "person", ANA, None, first[-1].at_ns, limit=9)
    assert [kept.amount_minor for kept in first][:1] == [1]
    assert sorted(kept.amount_minor for kept in first) == [1, 2, 3]
    assert sorted(kept.amount_minor for kept in rest) == [4, 5, 6]


def test_the_number_of_a_card_is_nowhere(database: Database, remember: Remember) -> None:
    number = "4111111111111111"
    (card,) = fingerprints(sealer(SECRET_KEY), Subject.CARD, number)
    remember(attempt(card=card))
    with connect(database.owner) as conn:
        (row,) = conn.execute("SELECT t::text FROM fraud_decision t").fetchall()
    assert card.hex() in row[0]
    assert number not in row[0]


def test_cards_and_devices_of_the_same_number_are_not_the_same() -> None:
    sealing = sealer(SECRET_KEY)
    assert fingerprints(sealing, Subject.CARD, "1") != fingerprints(sealing, Subject.DEVICE, "1")


def test_a_decision_has_the_id_of_its_request_whenever_it_is_made() -> None:
    now = attempt()
    assert decision_id(now) == derived_id(now.id, "fraud decision")

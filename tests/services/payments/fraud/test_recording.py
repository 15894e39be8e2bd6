"""Decisions are kept, whatever becomes of the payment."""

from typing import Any

import psycopg
import pytest

from karez.core.ids import derived_id
from karez.services.payments.fraud.attempts import Observed, Score, Subject, Window, fingerprints, sealer
from karez.services.payments.fraud.observing import observed
from karez.services.payments.fraud.recording import (
    PaymentStopped,
    decision_id,
    passed,
    person_page,
    stopped_page,
)
from karez.services.payments.fraud.rules import AmountBand, Rule, Velocity
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.conftest import SECRET_KEY
from tests.services.payments.fraud.conftest import Commit, Remember, asking
from tests.services.payments.fraud.making import ANA, BEN, NOW_NS, SECOND_NS, attempt, only

NOTHING_KNOWN = Observed({})
CHALLENGE: Rule = AmountBand(currency="CNY", from_minor=1, outcome="challenge")
REFUSE: Rule = AmountBand(currency="CNY", from_minor=1, outcome="refuse")
LATER_NS = NOW_NS + SECOND_NS


def test_an_allowed_payment_keeps_its_decision_in_its_own_operation(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    request, now = asking(), attempt(score=Score("model-1", 12), confirmed=True)
    rows = passed(request, only(CHALLENGE), now, NOTHING_KNOWN)
    assert commit(request.operation("test.pay", None, rows=rows)).accepted
    with as_operator(web):
        (kept,) = person_page(web, ANA, LATER_NS, limit=10)
        assert stopped_page(web, LATER_NS, limit=10) == []
    assert (kept.id, kept.outcome, kept.score_bps) == (decision_id(now), "allow", 12)
    (why,) = kept.why
    assert (why.rule, why.version, why.seen, why.limit) == ("the_rule", 3, 1_000, 0)


@pytest.mark.parametrize(
    ("rule", "code", "outcome"),
    [(CHALLENGE, "payment_needs_confirmation", "challenge"), (REFUSE, "payment_refused", "refuse")],
)
def test_a_stopped_payment_keeps_its_decision_in_an_operation_beside_it(
    web: psycopg.Connection[Any], commit: Commit, rule: Rule, code: str, outcome: str
) -> None:
    now = attempt()
    with pytest.raises(PaymentStopped) as stopped:
        passed(asking(), only(rule), now, NOTHING_KNOWN)
    assert stopped.value.code == code
    assert stopped.value.facts == {"decision": decision_id(now)}
    assert commit(stopped.value.record).accepted
    with as_operator(web):
        (kept,) = stopped_page(web, LATER_NS, limit=10)
    assert (kept.person, kept.outcome, kept.amount_minor) == (ANA, outcome, 1_000)


def test_the_payer_is_not_told_which_rule_was_hit() -> None:
    with pytest.raises(PaymentStopped) as stopped:
        passed(asking(), only(REFUSE, name="secret_rule"), attempt(), NOTHING_KNOWN)
    assert "secret_rule" not in f"{stopped.value}{stopped.value.facts}"


def test_the_operator_is_told_at_once_and_nobody_else(database: Database, commit: Commit) -> None:
    with pytest.raises(PaymentStopped) as stopped:
        passed(asking(), only(REFUSE), attempt(), NOTHING_KNOWN)
    commit(stopped.value.record)
    with connect(database.worker) as conn:
        ((topic, payload),) = conn.execute("SELECT topic, payload FROM outbox_event").fetchall()
    assert topic == "fraud.refused"
    assert (payload["rules"], payload["parties"]) == (["the_rule"], [])


def test_keeping_a_stopped_attempt_twice_keeps_it_once(web: psycopg.Connection[Any], commit: Commit) -> None:
    with pytest.raises(PaymentStopped) as stopped:
        passed(asking(), only(REFUSE), attempt(), NOTHING_KNOWN)
    assert not commit(stopped.value.record).repeated
    assert commit(stopped.value.record).repeated
    with as_operator(web):
        assert len(stopped_page(web, LATER_NS, limit=10)) == 1


def test_a_request_that_is_stopped_and_then_confirmed_is_paid_under_its_own_id(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    request = asking()
    first = attempt()
    with pytest.raises(PaymentStopped) as stopped:
        passed(request, only(CHALLENGE), first, NOTHING_KNOWN)
    assert commit(stopped.value.record).accepted
    second = attempt(confirmed=True, ago_s=-1)
    rows = passed(request, only(CHALLENGE), second, NOTHING_KNOWN)
    paid = commit(request.operation("test.pay", None, rows=rows))
    assert paid.accepted
    assert not paid.repeated
    with as_operator(web):
        outcomes = [kept.outcome for kept in person_page(web, ANA, LATER_NS + SECOND_NS, limit=10)]
    assert outcomes == ["allow", "challenge"]


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
    codes = []
    for number in range(6):
        now = attempt(999, ago_s=-number)
        with as_operator(web):
            (known,) = observed(web, [now])
        with pytest.raises(PaymentStopped) as stopped:
            passed(asking(), rules, now, known)
        commit(stopped.value.record)
        codes.append(stopped.value.code)
    assert codes == ["payment_needs_confirmation"] * 4 + ["payment_refused"] * 2


def test_a_persons_decisions_are_paged_the_latest_first(
    web: psycopg.Connection[Any], remember: Remember
) -> None:
    remember(*(attempt(amount_minor, ago_s=amount_minor) for amount_minor in range(1, 6)))
    remember(attempt(person=BEN))
    with as_operator(web):
        first = person_page(web, ANA, NOW_NS, limit=3)
        second = person_page(web, ANA, first[-1].at_ns, limit=3)
    assert [kept.amount_minor for kept in first] == [1, 2, 3]
    assert [kept.amount_minor for kept in second] == [4, 5]


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


def test_trying_again_later_is_another_decision() -> None:
    now = attempt()
    assert decision_id(now) == derived_id(now.id, "fraud decision", now.at_ns)
    assert decision_id(now) != derived_id(now.id, "fraud decision", now.at_ns + 1)

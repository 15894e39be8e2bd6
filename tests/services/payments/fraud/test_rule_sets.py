"""The operator replaces the set of rules; every version stays, and a lost race is noticed."""

from typing import Any

import psycopg
import pytest

from karez.core.outcomes import Unavailable
from karez.services.payments.fraud.rule_sets import RuleSet, current_set, replace_set, sets_page
from karez.services.payments.fraud.rules import DEFAULTS, AmountBand, NamedRule, Rule
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.parties.making import refused
from tests.services.payments.fraud.conftest import Commit, asking

STRICT: Rule = AmountBand(currency="CNY", from_minor=100, outcome="refuse")


def current(web: psycopg.Connection[Any]) -> RuleSet:
    with as_operator(web):
        return current_set(web)


def test_a_new_house_has_the_programs_rules(web: psycopg.Connection[Any]) -> None:
    assert current(web).named() == tuple(NamedRule(name, 0, DEFAULTS[name]) for name in sorted(DEFAULTS))


def test_a_replaced_set_holds_alone_and_earlier_ones_stay(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    assert commit(replace_set(asking(), current(web), 0, {"mine": STRICT}, "a wave of fraud")).accepted
    assert current(web).named() == (NamedRule("mine", 1, STRICT),)
    assert commit(replace_set(asking(), current(web), 1, {}, "it is over")).accepted
    assert current(web).named() == ()
    with as_operator(web):
        kept = sets_page(web, 9, limit=9)
    assert [(each.version, each.note, each.changed_by) for each in kept] == [
        (2, "it is over", "tester"),
        (1, "a wave of fraud", "tester"),
    ]


def test_of_two_who_replace_it_at_once_the_second_is_noticed(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    known = current(web)
    assert commit(replace_set(asking(), known, 0, {}, "first")).accepted
    assert commit(replace_set(asking(), known, 0, {"mine": STRICT}, "second")).code == "row_exists"
    with refused("fraud_rules_changed"):
        replace_set(asking(), current(web), 0, {"mine": STRICT}, "second")


def test_a_set_with_a_rule_that_cannot_work_or_without_a_reason_is_not_kept(
    web: psycopg.Connection[Any],
) -> None:
    with refused("fraud_rule_invalid"):
        replace_set(asking(), current(web), 0, {"No Name": STRICT}, "why not")
    with refused("fraud_reason_missing"):
        replace_set(asking(), current(web), 0, {}, "  ")


@pytest.mark.parametrize(
    "rule", ['{"kind": "telepathy"}', '{"kind": "score_above", "model": "m", "sure": true}']
)
def test_a_rule_of_a_newer_release_is_not_taken_for_another(
    database: Database, web: psycopg.Connection[Any], rule: str
) -> None:
    with connect(database.owner) as conn:
        conn.execute("INSERT INTO fraud_rule_set VALUES (1, %s, 'x', 'x', 0)", (f'{{"new": {rule}}}',))
    with pytest.raises(Unavailable) as unavailable:
        current(web).named()
    assert unavailable.value.code == "fraud_rule_unreadable"

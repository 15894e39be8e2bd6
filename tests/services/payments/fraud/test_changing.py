"""The operator changes rules and lists; every version stays, and a lost race is noticed."""

from typing import Any

import psycopg
import pytest

from karez.core.outcomes import Unavailable
from karez.services.payments.fraud.attempts import Subject
from karez.services.payments.fraud.changing_rules import (
    RuleVersion,
    change_rule,
    current_rules,
    history,
    latest_versions,
)
from karez.services.payments.fraud.listing import change_list, entries_page, find_entry, party_key
from karez.services.payments.fraud.rules import DEFAULTS, AmountBand, NamedRule, Rule
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.parties.making import refused
from tests.services.payments.fraud.conftest import Commit, asking
from tests.services.payments.fraud.making import ANA, BEN, NOW_NS

STRICT: Rule = AmountBand(currency="CNY", from_minor=100, outcome="refuse")
KEY = party_key(Subject.PERSON, ANA)


def holding(web: psycopg.Connection[Any]) -> dict[str, NamedRule]:
    with as_operator(web):
        return {rule.name: rule for rule in current_rules(web)}


def latest(web: psycopg.Connection[Any], name: str) -> RuleVersion | None:
    with as_operator(web):
        return latest_versions(web).get(name)


def test_without_changes_the_programs_rules_hold(web: psycopg.Connection[Any]) -> None:
    assert holding(web) == {name: NamedRule(name, 0, rule) for name, rule in DEFAULTS.items()}


def test_a_changed_rule_holds_in_its_latest_version(web: psycopg.Connection[Any], commit: Commit) -> None:
    assert commit(change_rule(asking(), None, "large_amount", STRICT, True, "a wave of fraud")).accepted
    assert holding(web)["large_amount"] == NamedRule("large_amount", 1, STRICT)
    milder: Rule = AmountBand(currency="CNY", from_minor=200, outcome="refuse")
    commit(change_rule(asking(), latest(web, "large_amount"), "large_amount", milder, True, "it is over"))
    assert holding(web)["large_amount"] == NamedRule("large_amount", 2, milder)
    with as_operator(web):
        notes = [version.note for version in history(web, "large_amount")]
    assert notes == ["it is over", "a wave of fraud"]


def test_a_new_rule_is_added_and_others_stay(web: psycopg.Connection[Any], commit: Commit) -> None:
    commit(change_rule(asking(), None, "my_own", STRICT, True, "as our bank does"))
    assert holding(web).keys() == {*DEFAULTS, "my_own"}


def test_a_rule_that_is_switched_off_holds_no_more_and_can_return(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    commit(change_rule(asking(), None, "large_amount", STRICT, False, "too many complaints"))
    assert "large_amount" not in holding(web)
    commit(change_rule(asking(), latest(web, "large_amount"), "large_amount", STRICT, True, "needed"))
    assert holding(web)["large_amount"].version == 2


def test_of_two_changes_at_once_the_second_is_noticed(commit: Commit) -> None:
    assert commit(change_rule(asking(), None, "large_amount", STRICT, True, "first")).accepted
    assert commit(change_rule(asking(), None, "large_amount", STRICT, False, "second")).code == "row_exists"


@pytest.mark.parametrize("note", ["", "  "])
def test_a_change_says_why(note: str) -> None:
    with refused("fraud_reason_missing"):
        change_rule(asking(), None, "large_amount", STRICT, True, note)
    with refused("fraud_reason_missing"):
        change_list(asking(), None, KEY, "block", note, None)


def test_a_rule_that_cannot_work_is_not_kept() -> None:
    with refused("fraud_rule_invalid"):
        change_rule(asking(), None, "No Name", STRICT, True, "why not")


def test_a_rule_of_a_newer_release_is_not_taken_for_another(
    database: Database, web: psycopg.Connection[Any]
) -> None:
    with connect(database.owner) as conn:
        conn.execute("""INSERT INTO fraud_rule VALUES ('new', 1, '{"kind": "telepathy"}', true, 'x', 0)""")
    with pytest.raises(Unavailable) as unavailable:
        holding(web)
    assert unavailable.value.code == "fraud_rule_unreadable"
    assert "'new'" in unavailable.value.sentence


def test_somebody_is_put_on_a_list_kept_longer_and_taken_off(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    assert commit(change_list(asking(), None, KEY, "block", "stolen", NOW_NS + 5)).accepted
    with as_operator(web):
        entry = find_entry(web, [KEY])
    assert entry is not None
    assert (entry.kind, entry.verdict, entry.until_ns) == (Subject.PERSON, "block", NOW_NS + 5)
    assert commit(change_list(asking(NOW_NS + 1), entry, KEY, "allow", "a mistake", None)).accepted
    with as_operator(web):
        changed = find_entry(web, [KEY])
    assert changed is not None
    assert (changed.verdict, changed.reason, changed.until_ns) == ("allow", "a mistake", None)


def test_of_two_changes_of_an_entry_at_once_the_second_is_noticed(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    commit(change_list(asking(), None, KEY, "block", "stolen", None))
    assert commit(change_list(asking(), None, KEY, "block", "stolen", None)).code == "row_exists"
    with as_operator(web):
        entry = find_entry(web, [KEY])
    assert commit(change_list(asking(NOW_NS + 1), entry, KEY, "allow", "found", None)).accepted
    late = commit(change_list(asking(NOW_NS + 2), entry, KEY, "block", "lost again", None))
    assert late.code == "row_state_changed"


def test_the_list_is_paged_the_latest_change_first(web: psycopg.Connection[Any], commit: Commit) -> None:
    for number, party in enumerate((ANA, BEN)):
        key = party_key(Subject.SHOP, party)
        commit(change_list(asking(NOW_NS + number), None, key, "block", f"reason {number}", None))
    with as_operator(web):
        first = entries_page(web, NOW_NS + 9, limit=1)
        second = entries_page(web, first[0].changed_ns, limit=9)
    assert [entry.reason for entry in first + second] == ["reason 1", "reason 0"]

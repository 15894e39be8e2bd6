"""The operator keeps lists: who is on them is found by many keys, and a lost race is noticed."""

from typing import Any

import psycopg
import pytest

from karez.services.payments.fraud.attempts import Subject
from karez.services.payments.fraud.listing import (
    change_list,
    entries_page,
    find_entry,
    is_anybody_listed,
    party_key,
    take_off,
)
from karez.storage.tenant import as_operator
from tests.parties.making import refused
from tests.services.payments.fraud.conftest import Commit, asking
from tests.services.payments.fraud.making import ANA, BEN, NOW_NS

KEY = party_key(Subject.PERSON, ANA)


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


def test_whoever_is_taken_off_is_on_no_list_and_stays_to_be_read(
    web: psycopg.Connection[Any], commit: Commit
) -> None:
    commit(change_list(asking(), None, KEY, "block", "stolen", None))
    with as_operator(web):
        entry = find_entry(web, [KEY])
        assert is_anybody_listed(web, NOW_NS)
    assert commit(take_off(asking(NOW_NS + 1), entry, "found")).accepted
    with as_operator(web):
        ended = find_entry(web, [KEY])
        assert not is_anybody_listed(web, NOW_NS + 1)
    assert ended is not None
    assert (ended.verdict, ended.reason, ended.until_ns, ended.changed_by) == (
        "block",
        "found",
        NOW_NS + 1,
        "tester",
    )
    for nobody in (ended, None):
        with refused("fraud_entry_not_found"):
            take_off(asking(NOW_NS + 2), nobody, "again")


@pytest.mark.parametrize("reason", ["", "  "])
def test_a_change_of_a_list_says_why(reason: str) -> None:
    with refused("fraud_reason_missing"):
        change_list(asking(), None, KEY, "block", reason, None)

"""For any moment it can be told what a person had allowed."""

from typing import Any
from uuid import UUID

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.parties import consent
from karez.parties.consent import Consent
from karez.parties.personal import PersonalData
from karez.storage.tenant import as_institution, as_operator, as_person
from tests.parties.making import ANA, BEN, HARBOUR_BANK, HILL_BANK, NOW_NS, refused, register_one

Web = psycopg.Connection[Any]


def grant_scoring(web: Web, party: UUID, at_ns: int) -> UUID:
    given = new_id(at_ns)
    consent.grant(web, party, given, HILL_BANK, "scoring", ["phone", "name"], "text v1, ticked", at_ns)
    return given


def may_score(web: Web, party: UUID, at_ns: int) -> bool:
    return consent.has_consent(web, party, HILL_BANK, "scoring", ["name"], at_ns)


def test_a_consent_holds_from_its_grant_until_its_withdrawal(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with as_person(web, ana):
        given = grant_scoring(web, ana, NOW_NS)
        consent.withdraw(web, ana, given, "settings page", NOW_NS + 10)
        held = [may_score(web, ana, NOW_NS + offset_ns) for offset_ns in (-1, 0, 9, 10, 11)]
        assert held == [False, True, True, False, False]
        assert consent.history(web, ana) == [
            Consent(
                ana, given, HILL_BANK, "scoring", ["name", "phone"], "text v1, ticked", NOW_NS, NOW_NS + 10
            )
        ]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.none() | st.integers(0, 9)), max_size=4))
def test_at_any_moment_it_holds_if_some_grant_was_not_yet_withdrawn(
    web: Web, sealer: Sealer, spans: list[tuple[int, int | None]]
) -> None:
    ana = register_one(web, sealer, PersonalData(name="Ana"), HARBOUR_BANK)
    spans = [(start, None if length is None else start + length) for start, length in spans]
    with as_operator(web):
        for start, end in spans:
            given = grant_scoring(web, ana, start)
            if end is not None:
                consent.withdraw(web, ana, given, "", end)
        for at_ns in range(20):
            expected = any(start <= at_ns and (end is None or at_ns < end) for start, end in spans)
            assert may_score(web, ana, at_ns) == expected


def test_a_consent_covers_its_institution_purpose_and_scope_only(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with as_operator(web):
        grant_scoring(web, ana, NOW_NS)
        assert consent.has_consent(web, ana, HILL_BANK, "scoring", ["phone", "name"], NOW_NS)
        assert not consent.has_consent(web, ana, HILL_BANK, "scoring", ["phone", "email"], NOW_NS)
        assert not consent.has_consent(web, ana, HILL_BANK, "advertising", ["phone"], NOW_NS)
        assert not consent.has_consent(web, ana, HARBOUR_BANK, "scoring", ["phone"], NOW_NS)


def test_many_parties_are_asked_about_at_once(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    ben = register_one(web, sealer, BEN, None)
    with as_operator(web):
        grant_scoring(web, ana, NOW_NS)
        grant_scoring(web, ana, NOW_NS)
        everybody = [ana, ben, new_id(NOW_NS)]
        assert consent.consenting(web, everybody, HILL_BANK, "scoring", ["name"], NOW_NS) == {ana}


def test_a_second_withdrawal_changes_nothing(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, None)
    with as_person(web, ana):
        given = grant_scoring(web, ana, NOW_NS)
        consent.withdraw(web, ana, given, "first", NOW_NS + 1)
        consent.withdraw(web, ana, given, "second", NOW_NS + 2)
        assert [line.withdrawn_ns for line in consent.history(web, ana)] == [NOW_NS + 1]


def test_consents_that_cannot_be_are_refused(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, None)
    with as_person(web, ana):
        given = grant_scoring(web, ana, NOW_NS)
        with refused("consent_exists"):
            consent.grant(web, ana, given, HILL_BANK, "advertising", ["phone"], "", NOW_NS)
        with refused("consent_without_scope"):
            consent.grant(web, ana, new_id(NOW_NS), HILL_BANK, "scoring", [], "", NOW_NS)
        with refused("consent_without_parties"):
            consent.grant(web, ana, new_id(NOW_NS), 99, "scoring", ["phone"], "", NOW_NS)
        with refused("consent_unknown"):
            consent.withdraw(web, ana, new_id(NOW_NS), "", NOW_NS)
        assert [line.purpose for line in consent.history(web, ana)] == ["scoring"]


def test_nobody_but_the_person_and_the_operator_consents_or_withdraws(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    ben = register_one(web, sealer, BEN, HARBOUR_BANK)
    with as_person(web, ana):
        given = grant_scoring(web, ana, NOW_NS)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HILL_BANK):
        grant_scoring(web, ben, NOW_NS)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HILL_BANK):
        consent.withdraw(web, ana, given, "", NOW_NS)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(web, ben):
        grant_scoring(web, ana, NOW_NS)
    with as_person(web, ben), refused("consent_unknown"):
        consent.withdraw(web, ana, given, "", NOW_NS)


def test_the_history_only_ever_grows(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, None)
    with as_person(web, ana):
        grant_scoring(web, ana, NOW_NS)
    for table in ("consent", "consent_withdrawal"):
        for change in (f"DELETE FROM {table}", f"UPDATE {table} SET evidence = ''"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), as_operator(web):
                web.execute(change)

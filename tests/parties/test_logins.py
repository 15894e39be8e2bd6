"""Passwords, sessions, and how often somebody may try."""

from uuid import UUID

import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.parties import logins, passwords, people, sessions, throttling
from karez.parties.people import NewParty
from karez.parties.personal import PersonalData
from karez.parties.throttling import Allowed
from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance, as_operator, as_person

NOW_NS = 1_800_000_000_000_000_000
SECOND_NS = 1_000_000_000
PHONE = "+8613800138000"


@pytest.fixture
def sealer(database: Database) -> Sealer:
    """What seals personal data."""
    return people.sealer(database.secret_key)


@pytest.fixture
def ana(database: Database, sealer: Sealer) -> UUID:
    """Somebody who came by herself."""
    party = new_id(NOW_NS)
    with connect(database.web) as conn, as_person(conn, party):
        people.register(conn, sealer, [NewParty(party, "person", None, PersonalData("Ana", PHONE))], NOW_NS)
        logins.make_login(conn, party, "a digest", NOW_NS)
    return party


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("seven", "password_too_short"),
        ("x" * 201, "password_too_long"),
        ("abababababab", "password_too_simple"),
        ("hello ANABEL hello", "password_like_name"),
    ],
)
def test_a_password_that_is_easily_guessed_is_refused(password: str, code: str) -> None:
    with pytest.raises(Rejected) as refused:
        passwords.check_new_password(password, ["Anabel", "138"])
    assert refused.value.code == code


def test_a_password_is_recognised_and_kept_as_argon2id_only() -> None:
    digest = passwords.digest_of("seven quiet channels")
    assert digest.startswith("$argon2id$v=19$m=65536,t=3,p=4$")
    assert passwords.is_right("seven quiet channels", digest)
    assert not passwords.is_right("seven quiet channel", digest)
    assert not passwords.is_right("the password of nobody", None)
    assert not passwords.is_right("x", "no digest")
    assert not passwords.is_outdated(digest)


def test_a_login_is_found_by_every_spelling_of_its_name(
    database: Database, sealer: Sealer, ana: UUID
) -> None:
    with connect(database.web) as conn, as_entrance(conn):
        assert logins.find_login(conn, sealer, "0086 138-0013-8000") == (ana, "a digest")
        assert logins.find_login(conn, sealer, "+8613800138001") is None
        assert logins.find_login(conn, sealer, "not a name") is None


def test_a_party_sees_and_changes_its_own_login_only(database: Database, ana: UUID) -> None:
    with connect(database.web) as conn:
        with as_person(conn, new_id(NOW_NS)):
            assert logins.password_digest(conn, ana) is None
            logins.change_password(conn, ana, "stolen", NOW_NS)
        with as_person(conn, ana):
            assert logins.password_digest(conn, ana) == "a digest"


def test_a_session_ends_when_it_is_not_used_and_in_any_case_after_its_life(
    database: Database, ana: UUID
) -> None:
    with connect(database.web) as conn:
        with as_person(conn, ana):
            secret = sessions.begin(conn, ana, "Firefox", NOW_NS)
        now_ns = NOW_NS
        while now_ns + sessions.IDLE_LIMIT_NS // 2 < NOW_NS + sessions.LIFE_LIMIT_NS:
            now_ns += sessions.IDLE_LIMIT_NS // 2
            with as_entrance(conn):
                found = sessions.find(conn, secret, now_ns)
            assert found is not None
            assert found.is_live(now_ns)
        with as_entrance(conn):
            last = sessions.find(conn, secret, now_ns)
            assert last is not None
            assert not last.is_live(NOW_NS + sessions.LIFE_LIMIT_NS)
            assert not last.is_live(last.seen_ns + sessions.IDLE_LIMIT_NS)
            assert sessions.find(conn, secret + "x", now_ns) is None


def test_the_session_of_a_suspended_party_is_dead(database: Database, ana: UUID) -> None:
    with connect(database.web) as conn:
        with as_person(conn, ana):
            secret = sessions.begin(conn, ana, "Firefox", NOW_NS)
        with as_operator(conn):
            people.set_state(conn, ana, "suspended")
        with as_entrance(conn):
            found = sessions.find(conn, secret, NOW_NS)
    assert found is not None
    assert not found.is_live(NOW_NS)


def test_a_party_ends_its_own_sessions_only(database: Database, ana: UUID) -> None:
    stranger = new_id(NOW_NS)
    with connect(database.web) as conn:
        with as_person(conn, ana):
            kept = sessions.hash_of(sessions.begin(conn, ana, "Firefox", NOW_NS))
            sessions.begin(conn, ana, "Chrome", NOW_NS)
        with as_person(conn, stranger):
            sessions.end(conn, ana, kept, NOW_NS)
            assert sessions.live_ones(conn, ana, NOW_NS) == []
        with as_person(conn, ana):
            assert len(sessions.live_ones(conn, ana, NOW_NS)) == 2
            sessions.end_others(conn, ana, kept, NOW_NS)
            assert [each.secret_hash for each in sessions.live_ones(conn, ana, NOW_NS)] == [kept]


def test_tries_are_used_up_come_back_one_by_one_and_are_given_back(database: Database) -> None:
    allowed, subject = Allowed(at_once=3, interval_s=60), b"somebody"

    def is_allowed(now_ns: int) -> bool:
        try:
            throttling.take_try(conn, subject, allowed, now_ns)
        except Rejected as refused:
            return refused.code != "too_many_tries"
        return True

    with connect(database.web) as conn, as_entrance(conn):
        assert [is_allowed(NOW_NS) for _ in range(5)] == [True, True, True, False, False]
        assert [is_allowed(NOW_NS + 60 * SECOND_NS) for _ in range(2)] == [True, False]
        throttling.give_back(conn, subject, allowed)
        assert [is_allowed(NOW_NS + 60 * SECOND_NS) for _ in range(2)] == [True, False]
        later_ns = NOW_NS + 3_600 * SECOND_NS
        assert [is_allowed(later_ns) for _ in range(4)] == [True, True, True, False]
        throttling.forget_old(conn, later_ns + 25 * 3_600 * SECOND_NS)
        assert conn.execute("SELECT count(*) FROM login_throttle").fetchone() == (0,)

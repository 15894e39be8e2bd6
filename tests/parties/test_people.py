"""People and shops are registered once, found by what they are known by, and sealed where they are stored."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected, Unavailable
from karez.core.sealing import Sealer
from karez.parties import people
from karez.parties.disclosure import Reader, disclose
from karez.parties.people import NewParty, Party
from karez.parties.personal import FIELDS, KnownBy, PersonalData
from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person
from tests.parties.making import ANA, BEN, HARBOUR_BANK, HILL_BANK, NOW_NS, refused, register_one

Web = psycopg.Connection[Any]


def read(web: Web, sealer: Sealer, party: UUID) -> PersonalData:
    with as_operator(web):
        reader = Reader(name="operator", purpose="test", institution=None)
        return disclose(web, sealer, [party], FIELDS, reader, NOW_NS)[party]


def test_nothing_personal_lies_in_clear_anywhere_in_the_database(
    web: Web, sealer: Sealer, database: Database
) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    register_one(web, sealer, BEN, None)
    with as_operator(web):
        people.correct(web, sealer, ana, PersonalData(email="ana@second.example"))
    assert read(web, sealer, ana).name == ANA.name
    with connect(database.owner) as owner:
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        dump = b""
        for (table,) in tables:
            with owner.cursor().copy(f"COPY (SELECT * FROM {table}) TO STDOUT (FORMAT binary)") as copy:
                dump += b"".join(bytes(block) for block in copy)
    assert ana.bytes in dump
    for clear in [text for person in (ANA, BEN) for _, text in person.given()] + ["ana@second.example"]:
        assert clear.encode() not in dump
        assert clear.strip("+").encode() not in dump
        assert clear.lower().encode() not in dump.lower()


def test_a_person_is_found_by_any_spelling(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    register_one(web, sealer, BEN, HARBOUR_BANK)
    spellings: list[tuple[KnownBy, str]] = [
        ("phone", "0086 13800138000"),
        ("email", "ANA.WANG@example.org"),
        ("document", "cn:110105 19491231 002X"),
    ]
    for field, spelling in spellings:
        with as_entrance(web):
            assert people.find(web, sealer, field, spelling) == ana
    with as_entrance(web):
        assert people.find(web, sealer, "phone", "+8613800138001") is None
        with refused("phone_malformed"):
            people.find(web, sealer, "phone", "13800138000")


def test_many_are_registered_in_one_go(web: Web, sealer: Sealer) -> None:
    newcomers = [
        NewParty(new_id(NOW_NS), "shop", HARBOUR_BANK, PersonalData(f"Shop {n}", f"+8613800{n:06}"))
        for n in range(500)
    ]
    with as_institution(web, HARBOUR_BANK):
        people.register(web, sealer, newcomers, NOW_NS)
        last = newcomers[-1].id
        assert people.known(web, [last]) == {last: Party(last, "shop", HARBOUR_BANK, "active", NOW_NS)}
        assert people.find(web, sealer, "phone", "+8613800000499") == last


@pytest.mark.parametrize("field", ["phone", "email", "document"])
def test_what_a_person_is_known_by_belongs_to_nobody_else(web: Web, sealer: Sealer, field: KnownBy) -> None:
    register_one(web, sealer, ANA, HARBOUR_BANK)
    double = NewParty(new_id(NOW_NS), "person", HILL_BANK, PersonalData(**{field: getattr(ANA, field)}))
    other = NewParty(new_id(NOW_NS), "person", HILL_BANK, BEN)
    with as_institution(web, HILL_BANK):
        with pytest.raises(Rejected) as rejection:
            people.register(web, sealer, [other, double], NOW_NS)
        assert (rejection.value.code, rejection.value.facts) == (f"{field}_taken", {"party": double.id})
        assert people.known(web, [other.id, double.id]) == {}
        people.register(web, sealer, [other], NOW_NS)


def test_two_newcomers_of_one_go_cannot_share_a_phone(web: Web, sealer: Sealer) -> None:
    newcomers = [
        NewParty(new_id(NOW_NS), "person", None, PersonalData(name, ANA.phone)) for name in ("Ana", "Anna")
    ]
    with as_operator(web), refused("phone_taken"):
        people.register(web, sealer, newcomers, NOW_NS)


def test_of_many_who_register_one_phone_at_once_one_succeeds(database: Database, sealer: Sealer) -> None:
    def register(place: int) -> str:
        newcomer = NewParty(
            new_id(NOW_NS), "person", None, PersonalData(f"Ana {place}", ANA.phone, ANA.email)
        )
        try:
            with connect(database.web) as conn, as_person(conn, newcomer.id):
                people.register(conn, sealer, [newcomer], NOW_NS)
        except Rejected as rejection:
            return rejection.code.removeprefix("phone").removeprefix("email")
        return "registered"

    with ThreadPoolExecutor(8) as threads:
        outcomes = list(threads.map(register, range(16)))
    assert sorted(outcomes) == ["_taken"] * 15 + ["registered"]


def test_registrations_of_the_same_people_in_another_order_do_not_block_each_other(
    web: Web, database: Database, sealer: Sealer
) -> None:
    phones = [f"+86138001380{n:02}" for n in range(11)]

    def register(conn: Web, phones: list[str]) -> None:
        newcomers = [NewParty(new_id(NOW_NS), "shop", None, PersonalData(phone=phone)) for phone in phones]
        people.register(conn, sealer, newcomers, NOW_NS)

    def register_refused(phones: list[str]) -> None:
        with connect(database.web) as conn, as_operator(conn), refused("phone_taken"):
            register(conn, phones)

    with ThreadPoolExecutor(2) as threads:
        with as_operator(web):
            register(web, phones[5:6])
            waiting = [threads.submit(register_refused, order) for order in (phones, phones[::-1])]
            wait_for_blocked_sessions(database, len(waiting))
        for registration in waiting:
            registration.result()


def wait_for_blocked_sessions(database: Database, count: int) -> None:
    with connect(database.owner) as owner:
        for _ in range(3_000):
            (blocked,) = owner.execute(
                """
                SELECT count(*) FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            ).fetchall()[0]
            if blocked == count:
                return
            time.sleep(0.01)
    raise AssertionError(f"{count} sessions were to wait for a lock")


def test_a_retry_of_a_registration_is_recognised_by_its_id(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, None)
    with as_operator(web), refused("party_exists"):
        people.register(web, sealer, [NewParty(ana, "person", None, BEN)], NOW_NS)
    with as_entrance(web):
        assert people.find(web, sealer, "email", "ben@example.org") is None


def test_a_person_may_come_by_itself_but_not_in_the_name_of_a_bank(web: Web, sealer: Sealer) -> None:
    ana = new_id(NOW_NS)
    with as_person(web, ana):
        people.register(web, sealer, [NewParty(ana, "person", None, ANA)], NOW_NS)
        assert people.known(web, [ana])[ana].institution is None
    ben = new_id(NOW_NS)
    for institution, party in ((HARBOUR_BANK, ben), (None, new_id(NOW_NS))):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(web, ben):
            people.register(web, sealer, [NewParty(party, "person", institution, BEN)], NOW_NS)


def test_nobody_comes_through_an_unknown_institution(web: Web, sealer: Sealer) -> None:
    with as_operator(web), refused("institution_unknown"):
        people.register(web, sealer, [NewParty(new_id(NOW_NS), "person", 99, ANA)], NOW_NS)


def test_a_corrected_phone_replaces_the_old_one_everywhere(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with as_person(web, ana):
        people.correct(web, sealer, ana, PersonalData(phone="+86 139 0000 0000"))
    assert read(web, sealer, ana) == PersonalData(ANA.name, "+8613900000000", ANA.email, ANA.document)
    with as_institution(web, HARBOUR_BANK):
        assert people.find(web, sealer, "phone", "+8613900000000") == ana
        assert people.find(web, sealer, "phone", "+8613800138000") is None
        assert people.find(web, sealer, "email", "ana.wang@example.org") == ana
    register_one(web, sealer, PersonalData("New owner", ANA.phone), HILL_BANK)


def test_a_correction_may_add_a_field_and_repeat_a_value(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, PersonalData("Ana", ANA.phone), HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        people.correct(web, sealer, ana, PersonalData("Ana Wang", ANA.phone, ANA.email))
        assert people.find(web, sealer, "email", "ana.wang@example.org") == ana
    assert read(web, sealer, ana) == PersonalData("Ana Wang", ANA.phone, ANA.email)


def test_a_refused_correction_changes_nothing(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    register_one(web, sealer, BEN, HILL_BANK)
    with as_institution(web, HARBOUR_BANK), refused("email_taken"):
        people.correct(web, sealer, ana, PersonalData(phone="+8613900000000", email=BEN.email))
    assert read(web, sealer, ana) == ANA
    with as_entrance(web):
        assert people.find(web, sealer, "phone", "+8613800138000") == ana
    with as_institution(web, HILL_BANK), refused("party_unknown"):
        people.correct(web, sealer, ana, PersonalData(email="mine@example.org"))
    with as_institution(web, HARBOUR_BANK), refused("nothing_to_correct"):
        people.correct(web, sealer, ana, PersonalData())


def test_a_person_cannot_change_its_checked_document_or_its_state(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(web, ana):
        people.correct(web, sealer, ana, PersonalData(document="CN:110105199001010001"))
    with as_institution(web, HARBOUR_BANK):
        people.set_state(web, ana, "suspended")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_person(web, ana):
        people.set_state(web, ana, "active")
    with as_entrance(web):
        assert people.known(web, [ana])[ana].state == "suspended"
    with as_institution(web, HILL_BANK), refused("party_unknown"):
        people.set_state(web, ana, "active")


@pytest.mark.parametrize("column", ["phone", "email"])
def test_a_field_that_was_moved_to_another_row_or_column_is_noticed(
    web: Web, sealer: Sealer, database: Database, column: str
) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    ben = register_one(web, sealer, BEN, HARBOUR_BANK)
    with connect(database.owner) as owner:
        owner.execute(
            f"UPDATE party SET phone = (SELECT {column} FROM party WHERE id = %s) WHERE id = %s", (ana, ben)
        )
    with pytest.raises(Unavailable, match=f"seal_broken.*party.phone of {ben}"):
        read(web, sealer, ben)
    assert read(web, sealer, ana) == ANA


def test_another_secret_key_opens_and_finds_nothing(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, None)
    stranger = people.sealer(b"another secret key of 32 bytes..")
    with pytest.raises(Unavailable, match="seal_broken"):
        read(web, stranger, ana)
    with as_entrance(web):
        assert people.find(web, stranger, "phone", "+8613800138000") is None


def test_a_change_of_the_secret_key_keeps_people_readable_findable_and_unique(
    web: Web, sealer: Sealer, database: Database
) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    both = Sealer({1: database.secret_key, 2: b"the next secret key, 32 bytes..."}, people.SEALING_PURPOSE)
    assert read(web, both, ana) == ANA
    with as_entrance(web):
        assert people.find(web, both, "phone", "+8613800138000") == ana
    with as_operator(web), refused("phone_taken"):
        people.register(
            web, both, [NewParty(new_id(NOW_NS), "person", None, PersonalData(phone=ANA.phone))], NOW_NS
        )
    with as_operator(web):
        people.correct(web, both, ana, PersonalData(phone="+8613900000000"))
        assert people.find(web, both, "phone", "+8613800138000") is None
        assert people.find(web, both, "phone", "+8613900000000") == ana

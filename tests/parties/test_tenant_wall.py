"""Whatever a query says, institutions and people reach their own rows only, in every table of this room."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.parties import consent, credentials, staff
from karez.parties.disclosure import Reader, disclose
from karez.parties.tokens import Owner
from karez.storage.database import Database, connect
from karez.storage.schema_rules import find_schema_violations
from karez.storage.tenant import as_entrance, as_institution, as_operator, as_person
from tests.parties.making import ANA, BEN, HARBOUR_BANK, HILL_BANK, NOW_NS, register_one

Web = psycopg.Connection[Any]

TABLES = (
    "party",
    "party_directory",
    "staff",
    "credential",
    "consent",
    "consent_withdrawal",
    "personal_data_access",
)
TABLES_OF_A_PERSON = tuple(table for table in TABLES if table != "staff")


@pytest.fixture
def ana_and_ben(web: Web, sealer: Sealer) -> tuple[UUID, UUID]:
    """Ana came through Harbour Bank, Ben through Hill Bank, and each table has rows of both."""
    parties = register_one(web, sealer, ANA, HARBOUR_BANK), register_one(web, sealer, BEN, HILL_BANK)
    with as_operator(web):
        for party, institution in zip(parties, (HARBOUR_BANK, HILL_BANK), strict=True):
            staff.enrol(web, institution, new_id(NOW_NS), "li", ["auditor"], NOW_NS)
            for owner in (Owner(institution=institution), Owner(party=party)):
                credentials.issue(web, owner, [], "", NOW_NS + 1, NOW_NS)
            given = new_id(NOW_NS)
            consent.grant(web, party, given, institution, "scoring", ["name"], "", NOW_NS)
            consent.withdraw(web, party, given, "", NOW_NS)
            disclose(web, sealer, [party], ["name"], Reader("li", "scoring", institution), NOW_NS)
            disclose(web, sealer, [party], ["name"], Reader("operator", "test", None), NOW_NS)
    return parties


def count(conn: Web, table: str, condition: str = "true") -> int:
    row = conn.execute(f"SELECT count(*) FROM {table} WHERE {condition}").fetchone()
    assert row is not None
    return int(row[0])


@pytest.mark.usefixtures("ana_and_ben")
@pytest.mark.parametrize("table", TABLES)
def test_an_institution_sees_its_own_rows_only(web: Web, table: str) -> None:
    with as_institution(web, HARBOUR_BANK):
        assert count(web, table) > 0
        assert count(web, table, f"institution IS DISTINCT FROM {HARBOUR_BANK}") == 0


@pytest.mark.parametrize("table", TABLES_OF_A_PERSON)
def test_a_person_sees_its_own_rows_only(web: Web, ana_and_ben: tuple[UUID, UUID], table: str) -> None:
    ana, _ = ana_and_ben
    column = "id" if table == "party" else "party"
    with as_person(web, ana):
        assert count(web, table) > 0
        assert count(web, table, f"{column} IS DISTINCT FROM '{ana}'") == 0


@pytest.mark.usefixtures("ana_and_ben")
@pytest.mark.parametrize("table", TABLES)
def test_a_caller_who_is_nobody_sees_nothing(web: Web, table: str) -> None:
    for caller in ("karez_institution", "karez_person"):
        if caller == "karez_person" and table == "staff":
            continue
        with web.transaction():
            web.execute(f"SET LOCAL ROLE {caller}")
            assert count(web, table) == 0
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        count(web, table)


@pytest.mark.usefixtures("ana_and_ben")
def test_the_entrance_and_the_bookkeeper_see_no_personal_data(web: Web, database: Database) -> None:
    for column in ("name", "phone", "email", "document"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_entrance(web):
            web.execute(f"SELECT {column} FROM party")
        for conninfo in (database.book, database.worker):
            with connect(conninfo) as conn, pytest.raises(psycopg.errors.InsufficientPrivilege):
                conn.execute(f"SELECT {column} FROM party")
    with connect(database.book) as book:
        assert count(book, "party", "state = 'active'") == 2


@pytest.mark.usefixtures("ana_and_ben")
@pytest.mark.parametrize("table", ["party", "party_directory", "staff", "credential"])
def test_an_institution_changes_no_other_institutions_rows(web: Web, table: str) -> None:
    change = {
        "party": f"UPDATE party SET state = 'closed' WHERE institution <> {HARBOUR_BANK}",
        "party_directory": f"DELETE FROM party_directory WHERE institution <> {HARBOUR_BANK}",
        "staff": f"UPDATE staff SET state = 'left' WHERE institution <> {HARBOUR_BANK}",
        "credential": f"UPDATE credential SET revoked_ns = 0 WHERE institution <> {HARBOUR_BANK}",
    }[table]
    with as_institution(web, HARBOUR_BANK):
        assert web.execute(change).rowcount == 0


def test_the_schema_keeps_the_rules_of_the_house(database: Database) -> None:
    with connect(database.owner) as owner:
        broken = find_schema_violations(owner)
    assert [sentence for sentence in broken if any(f" {table}" in sentence for table in TABLES)] == []

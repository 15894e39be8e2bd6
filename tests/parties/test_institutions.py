"""Institutions get the numbers 1, 2, 3 ... and keep their codes to themselves."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import psycopg
import pytest

from karez.parties import institutions
from karez.parties.institutions import Kind
from karez.storage.database import Database, connect
from karez.storage.tenant import as_institution, as_operator
from tests.parties.making import HARBOUR_BANK, HILL_BANK, NOW_NS, OPERATOR, refused


def test_institutions_are_numbered_in_the_order_of_their_registration(web: psycopg.Connection[Any]) -> None:
    with as_operator(web):
        numbers = {institution.code: institution.number for institution in institutions.every(web)}
        assert numbers == {"karez": OPERATOR, "harbour-bank": HARBOUR_BANK, "hill-bank": HILL_BANK}
        assert institutions.find(web, "hill-bank") == institutions.Institution(
            HILL_BANK, "hill-bank", "Hill Bank", "bank", "open", NOW_NS
        )
        assert institutions.find(web, "valley-bank") is None


def test_institutions_that_register_at_once_get_numbers_of_their_own(database: Database) -> None:
    def register(place: int) -> int:
        with connect(database.web) as conn, as_operator(conn):
            return institutions.register(conn, f"bank-{place}", "A bank", "bank", NOW_NS).number

    with ThreadPoolExecutor(8) as threads:
        assert sorted(threads.map(register, range(24))) == list(range(1, 25))


def test_a_code_belongs_to_one_institution(web: psycopg.Connection[Any]) -> None:
    with as_operator(web), refused("institution_code_taken"):
        institutions.register(web, "hill-bank", "Another Hill Bank", "bank", NOW_NS)


@pytest.mark.parametrize("code", ["", "Hill", "hill_bank", "-hill", "hill-", "a" * 41, "hill bank"])
def test_a_code_that_no_address_can_hold_is_refused(web: psycopg.Connection[Any], code: str) -> None:
    with as_operator(web), refused("institution_code_malformed"):
        institutions.register(web, code, "Hill Bank", "bank", NOW_NS)


def test_an_unknown_kind_of_institution_is_refused(web: psycopg.Connection[Any]) -> None:
    with as_operator(web), refused("institution_kind_unknown"):
        institutions.register(web, "casino", "Casino", cast(Kind, "casino"), NOW_NS)


def test_only_the_operator_admits_and_suspends_institutions(web: psycopg.Connection[Any]) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HARBOUR_BANK):
        institutions.register(web, "puppet-bank", "Puppet Bank", "bank", NOW_NS)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HARBOUR_BANK):
        institutions.suspend(web, HILL_BANK)
    with as_operator(web):
        institutions.suspend(web, HILL_BANK)
        assert [it.state for it in institutions.every(web)] == ["open", "open", "suspended"]
        institutions.readmit(web, HILL_BANK)
        assert [it.state for it in institutions.every(web)] == ["open", "open", "open"]
        with refused("institution_unknown"):
            institutions.suspend(web, 99)

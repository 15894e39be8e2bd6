"""Nobody reads personal data without a right to, or without leaving a line in the access log."""

from contextlib import suppress
from typing import Any

import psycopg
import pytest

from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.parties import consent
from karez.parties.disclosure import Access, Reader, accesses, disclose
from karez.parties.personal import FIELDS, PersonalData
from karez.storage.tenant import as_institution, as_operator, as_person
from tests.parties.making import ANA, BEN, HARBOUR_BANK, HILL_BANK, NOW_NS, register_one

Web = psycopg.Connection[Any]

CLERK = Reader("staff 7", "know-your-customer", HARBOUR_BANK)
LENDER = Reader("staff 9", "credit-assessment", HILL_BANK)
OPERATOR = Reader("operator", "complaint 12", None)


def test_each_read_is_logged_with_reader_fields_purpose_and_time(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    ben = register_one(web, sealer, BEN, HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        assert disclose(web, sealer, [ana, ben, ana], ["phone", "name"], CLERK, NOW_NS) == {
            ana: PersonalData(name=ANA.name, phone=ANA.phone),
            ben: PersonalData(name=BEN.name, phone=BEN.phone),
        }
    with as_operator(web):
        disclose(web, sealer, [ana], FIELDS, OPERATOR, NOW_NS + 1)
    with as_person(web, ana):
        assert accesses(web, ana) == [
            Access(ana, None, "operator", ["document", "email", "name", "phone"], "complaint 12", NOW_NS + 1),
            Access(ana, HARBOUR_BANK, "staff 7", ["name", "phone"], "know-your-customer", NOW_NS),
        ]
        assert accesses(web, ben) == []
    with as_institution(web, HARBOUR_BANK):
        assert [line.reader for line in accesses(web, ana)] == ["staff 7"]
    with as_institution(web, HILL_BANK):
        assert accesses(web, ana) == []


def test_what_was_not_read_is_not_logged(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with as_institution(web, HILL_BANK):
        assert disclose(web, sealer, [ana, new_id(NOW_NS)], FIELDS, LENDER, NOW_NS) == {}
    with as_operator(web):
        assert accesses(web, ana) == []


def test_a_read_that_is_undone_leaves_no_line(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with suppress(KeyboardInterrupt), as_institution(web, HARBOUR_BANK):
        assert disclose(web, sealer, [ana], FIELDS, CLERK, NOW_NS) == {ana: ANA}
        raise KeyboardInterrupt
    with as_operator(web):
        assert accesses(web, ana) == []


def test_the_log_can_be_neither_changed_nor_falsified(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        disclose(web, sealer, [ana], FIELDS, CLERK, NOW_NS)
    for change in ("DELETE FROM personal_data_access", "UPDATE personal_data_access SET reader = 'nobody'"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_operator(web):
            web.execute(change)
    in_the_name_of_another = Reader("staff 7", "know-your-customer", HILL_BANK)
    with as_institution(web, HARBOUR_BANK):
        assert disclose(web, sealer, [ana], FIELDS, in_the_name_of_another, NOW_NS) == {}
    as_if_by_the_operator = Reader("operator", "complaint 12", None)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HARBOUR_BANK):
        disclose(web, sealer, [ana], FIELDS, as_if_by_the_operator, NOW_NS)


def test_another_bank_reads_what_the_person_consented_to_and_for_that_purpose_only(
    web: Web, sealer: Sealer
) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    given = new_id(NOW_NS)
    with as_person(web, ana):
        consent.grant(
            web, ana, given, HILL_BANK, "credit-assessment", ["name", "phone"], "screen 3, v2", NOW_NS
        )
    advertiser = Reader("staff 9", "advertising", HILL_BANK)
    with as_operator(web):
        assert disclose(web, sealer, [ana], ["phone"], LENDER, NOW_NS) == {ana: PersonalData(phone=ANA.phone)}
        assert disclose(web, sealer, [ana], ["phone", "email"], LENDER, NOW_NS) == {}
        assert disclose(web, sealer, [ana], ["phone"], advertiser, NOW_NS) == {}
        assert disclose(web, sealer, [ana], ["phone"], LENDER, NOW_NS - 1) == {}
    with as_institution(web, HILL_BANK):
        assert disclose(web, sealer, [ana], ["phone"], LENDER, NOW_NS) == {}
        assert [line.purpose for line in accesses(web, ana)] == ["credit-assessment"]
    with as_person(web, ana):
        consent.withdraw(web, ana, given, "screen 4", NOW_NS + 5)
    with as_operator(web):
        assert disclose(web, sealer, [ana], ["phone"], LENDER, NOW_NS + 5) == {}


def test_a_person_reads_its_own_data_and_nobody_elses(web: Web, sealer: Sealer) -> None:
    ana = register_one(web, sealer, ANA, HARBOUR_BANK)
    ben = register_one(web, sealer, BEN, HARBOUR_BANK)
    with as_person(web, ana):
        assert disclose(web, sealer, [ana, ben], FIELDS, Reader("itself", "own data", None), NOW_NS) == {
            ana: ANA
        }
        assert [line.reader for line in accesses(web, ana)] == ["itself"]


def test_unknown_fields_of_a_person_stay_unknown(web: Web, sealer: Sealer) -> None:
    nameless = register_one(web, sealer, PersonalData(phone=ANA.phone), HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        assert disclose(web, sealer, [nameless], ["name"], CLERK, NOW_NS) == {nameless: PersonalData()}
        with pytest.raises(ValueError, match="nothing"):
            disclose(web, sealer, [nameless], [], CLERK, NOW_NS)

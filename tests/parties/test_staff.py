"""Staff have a place at an institution, and no role that is not given there."""

from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.parties import staff
from karez.parties.roles import Permission
from karez.storage.tenant import as_entrance, as_institution, as_operator
from tests.parties.making import HARBOUR_BANK, HILL_BANK, NOW_NS, OPERATOR, refused

Web = psycopg.Connection[Any]


def enrol_li(web: Web, institution: int) -> UUID:
    with as_institution(web, institution):
        return staff.enrol(web, institution, new_id(NOW_NS), "Li.Wei", ["accountant"], NOW_NS).id


def test_a_member_is_found_at_the_entrance_by_institution_and_name(web: Web) -> None:
    li = enrol_li(web, HARBOUR_BANK)
    other_li = enrol_li(web, HILL_BANK)
    with as_entrance(web):
        found = staff.find(web, HARBOUR_BANK, " LI.wei ")
        assert found == staff.StaffMember(HARBOUR_BANK, li, "li.wei", ["accountant"], "active", NOW_NS)
        assert found.permissions == {
            Permission.LEDGER_READ,
            Permission.LEDGER_WRITE,
            Permission.PAYMENTS_READ,
            Permission.PAYMENTS_WRITE,
        }
        elsewhere = staff.find(web, HILL_BANK, "li.wei")
        assert elsewhere is not None
        assert elsewhere.id == other_li
        assert staff.find(web, OPERATOR, "li.wei") is None


def test_new_roles_replace_the_old_ones_and_who_left_may_do_nothing(web: Web) -> None:
    li = enrol_li(web, HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        staff.assign_roles(web, HARBOUR_BANK, li, ["auditor", "developer"])
        (member,) = staff.members(web, HARBOUR_BANK)
        assert member.permissions == {
            Permission.LEDGER_READ,
            Permission.PARTIES_READ,
            Permission.CREDENTIALS_WRITE,
            Permission.WEBHOOKS_READ,
            Permission.WEBHOOKS_WRITE,
        }
        staff.leave(web, HARBOUR_BANK, li)
        (member,) = staff.members(web, HARBOUR_BANK)
        assert (member.state, member.permissions) == ("left", frozenset())


def test_a_login_name_is_one_word_that_nobody_else_has(web: Web) -> None:
    enrol_li(web, HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        with refused("login_name_taken"):
            staff.enrol(web, HARBOUR_BANK, new_id(NOW_NS), "LI.WEI", [], NOW_NS)
        for name in ("", "li wei", "a" * 101, "li\0wei"):
            with refused("login_name_malformed"):
                staff.enrol(web, HARBOUR_BANK, new_id(NOW_NS), name, [], NOW_NS)
        with refused("role_unknown"):
            staff.enrol(web, HARBOUR_BANK, new_id(NOW_NS), "zhang", ["emperor"], NOW_NS)


def test_a_bank_cannot_make_operators(web: Web) -> None:
    li = enrol_li(web, HARBOUR_BANK)
    with as_operator(web):
        staff.enrol(web, OPERATOR, new_id(NOW_NS), "root", ["operator"], NOW_NS)
        with refused("role_not_given_here"):
            staff.assign_roles(web, HARBOUR_BANK, li, ["operator"])
    with as_institution(web, HARBOUR_BANK), refused("role_not_given_here"):
        staff.assign_roles(web, HARBOUR_BANK, li, ["operator"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HARBOUR_BANK):
        web.execute("UPDATE staff SET roles = '{operator}'")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, OPERATOR):
        staff.enrol(web, OPERATOR, new_id(NOW_NS), "second-root", ["operator"], NOW_NS)


def test_nobody_works_at_an_unknown_institution(web: Web) -> None:
    with refused("institution_unknown"), as_operator(web):
        staff.enrol(web, 99, new_id(NOW_NS), "li", ["auditor"], NOW_NS)


def test_a_bank_reaches_its_own_staff_only(web: Web) -> None:
    li = enrol_li(web, HARBOUR_BANK)
    with as_institution(web, HILL_BANK):
        assert staff.members(web, HARBOUR_BANK) == []
        with refused("staff_unknown"):
            staff.leave(web, HARBOUR_BANK, li)
        with refused("staff_unknown"):
            staff.assign_roles(web, HARBOUR_BANK, li, ["auditor"])
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HILL_BANK):
        staff.enrol(web, HARBOUR_BANK, new_id(NOW_NS), "spy", ["auditor"], NOW_NS)

"""Roles bundle permissions; who lacks one is told which."""

import pytest

from karez.core.outcomes import Rejected
from karez.parties.roles import ROLES, Permission, permissions_named, permissions_of, require
from tests.parties.making import refused


def test_somebody_with_two_roles_may_do_what_either_allows() -> None:
    both = permissions_of(["accountant", "developer"])
    assert both == permissions_of(["accountant"]) | permissions_of(["developer"])
    assert permissions_of([]) == frozenset()


def test_no_role_but_the_operators_reaches_other_institutions() -> None:
    for role in ROLES:
        assert (Permission.OPERATOR in permissions_of([role])) == (role == "operator")


@pytest.mark.parametrize("role", ["auditor", "developer", "administrator"])
def test_who_checks_or_administers_moves_no_money(role: str) -> None:
    assert Permission.LEDGER_WRITE not in permissions_of([role])


def test_a_missing_permission_is_named() -> None:
    require(permissions_of(["accountant"]), Permission.LEDGER_WRITE)
    with pytest.raises(Rejected, match="ledger:write"):
        require(permissions_of(["auditor"]), Permission.LEDGER_WRITE)


def test_unknown_roles_and_permissions_are_refused() -> None:
    with refused("role_unknown"):
        permissions_of(["accountant", "emperor"])
    with refused("permission_unknown"):
        permissions_named(["ledger:read", "ledger:burn"])
    assert permissions_named(["ledger:read"]) == {Permission.LEDGER_READ}

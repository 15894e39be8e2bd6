"""Who may do what: the permissions, and the roles that bundle them for an institution's staff.

A permission is also a scope of an API credential, so people and programs are asked the same question:

    require(permissions_of(["accountant"]), Permission.LEDGER_WRITE)
"""

from collections.abc import Collection, Iterable
from enum import StrEnum

from karez.core.outcomes import Rejected


class Permission(StrEnum):
    """What a member of staff or a program may be allowed to do, within its own institution."""

    LEDGER_READ = "ledger:read"
    LEDGER_WRITE = "ledger:write"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_WRITE = "payments:write"
    PARTIES_READ = "parties:read"
    PARTIES_WRITE = "parties:write"
    PRODUCTS_WRITE = "products:write"
    STAFF_WRITE = "staff:write"
    CREDENTIALS_WRITE = "credentials:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    OPERATOR = "operator"
    """Every institution's data; only for the operator's own staff and programs."""


_ROLES: dict[str, frozenset[Permission]] = {
    "administrator": frozenset(
        {
            Permission.STAFF_WRITE,
            Permission.CREDENTIALS_WRITE,
            Permission.WEBHOOKS_READ,
            Permission.WEBHOOKS_WRITE,
        }
    ),
    "accountant": frozenset(
        {Permission.LEDGER_READ, Permission.LEDGER_WRITE, Permission.PAYMENTS_READ, Permission.PAYMENTS_WRITE}
    ),
    "risk_manager": frozenset({Permission.LEDGER_READ, Permission.PARTIES_READ, Permission.PRODUCTS_WRITE}),
    "customer_service": frozenset(
        {Permission.LEDGER_READ, Permission.PAYMENTS_READ, Permission.PARTIES_READ, Permission.PARTIES_WRITE}
    ),
    "auditor": frozenset({Permission.LEDGER_READ, Permission.PARTIES_READ}),
    "developer": frozenset(
        {Permission.CREDENTIALS_WRITE, Permission.WEBHOOKS_READ, Permission.WEBHOOKS_WRITE}
    ),
    "operator": frozenset(Permission),
}

ROLES = tuple(_ROLES)
OPERATOR_ROLE = "operator"


def permissions_of(roles: Iterable[str]) -> frozenset[Permission]:
    """Return everything that one of the roles allows.

    Args:
        roles: Names out of ``ROLES``.

    Rejections: ``role_unknown``.
    """
    permissions: frozenset[Permission] = frozenset()
    for role in roles:
        if role not in _ROLES:
            raise Rejected("role_unknown", f"There is no role {role!r}; choose from {', '.join(ROLES)}.")
        permissions |= _ROLES[role]
    return permissions


def permissions_named(names: Iterable[str]) -> frozenset[Permission]:
    """Read permissions from their names.

    Args:
        names: For example ``["ledger:read"]``.

    Rejections: ``permission_unknown``.
    """
    permissions = set()
    for name in names:
        try:
            permissions.add(Permission(name))
        except ValueError:
            raise Rejected(
                "permission_unknown",
                f"There is no permission {name!r}; choose from {', '.join(Permission)}.",
            ) from None
    return frozenset(permissions)


def require(held: Collection[Permission], needed: Permission) -> None:
    """Refuse a caller that lacks a permission.

    Args:
        held: What the caller may do.
        needed: What the request needs.

    Rejections: ``permission_missing``.
    """
    if needed not in held:
        raise Rejected(
            "permission_missing",
            f"This needs the permission {needed}; ask your institution's administrator for it.",
            needed=str(needed),
        )

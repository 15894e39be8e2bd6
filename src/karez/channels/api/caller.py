"""Who is asking, once the credential is verified."""

from karez.channels.api.rate_limits import Allowance
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission, require
from karez.parties.tokens import Credential, Owner


class Caller:
    """An institution, a person or shop, or the operator, through one of its credentials.

    Args:
        credential: The verified credential.
        allowance: What it may still ask for.
    """

    __slots__ = ("_institution", "allowance", "credential", "expires_ns", "party", "permissions", "staff")

    def __init__(self, credential: Credential, allowance: Allowance) -> None:
        self.credential = credential.id
        self.expires_ns = credential.expires_ns
        self.party = credential.party
        self.staff = credential.staff
        self.permissions = credential.permissions
        self.allowance = allowance
        self._institution = credential.institution

    @property
    def is_operator(self) -> bool:
        """Tell whether every institution's data is open to it."""
        return Permission.OPERATOR in self.permissions

    @property
    def reads_as_itself(self) -> bool:
        """Tell whether it reads personal data with no institution behind it: the operator, or a party."""
        return self.is_operator or self.party is not None

    @property
    def actor(self) -> str:
        """Return how records of what it does name it."""
        return f"credential {self.credential}"

    @property
    def owner(self) -> Owner:
        """Return for whom it acts."""
        return Owner(institution=self._institution, party=self.party)

    @property
    def institution(self) -> int:
        """Return the institution for which it acts.

        Rejections: ``institution_needed``.
        """
        if self._institution is None:
            raise Rejected(
                "institution_needed",
                "This credential belongs to a person or shop; use one of an institution.",
            )
        return self._institution

    def need(self, permission: Permission) -> None:
        """Refuse unless the credential has a permission.

        Rejections: ``permission_missing``.
        """
        require(self.permissions, permission)

    def choose_institution(self, wanted: int | None) -> int:
        """Return for which institution something is done: its own unless the operator names another.

        Args:
            wanted: What the request names, if anything.

        Rejections: ``institution_not_yours``, ``institution_needed``.
        """
        if wanted is None or wanted == self._institution:
            return self.institution
        if not self.is_operator:
            raise Rejected(
                "institution_not_yours",
                f"Only the operator does this for institution {wanted}; leave the institution out, it is yours.",
            )
        return wanted

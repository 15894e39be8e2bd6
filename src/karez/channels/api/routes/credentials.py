"""Credentials: the tokens with which programs come."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, InstitutionNumber, Moment, PartyId, Text
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply, location
from karez.core.outcomes import Rejected
from karez.parties import credentials
from karez.parties.roles import Permission
from karez.parties.tokens import Credential, Owner, Token

LIFE_DEFAULT_S = 365 * 86_400
OVERLAP_MAX_S = 30 * 86_400

_NANOSECONDS = 1_000_000_000


class NewCredential(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A credential to issue.

    Attributes:
        label: What you call it.
        scopes: What it may do.
        expires: Left out, a year from now.
        institution: Left out, the owner of the credential that asks; only the operator may name another.
        party: A person or shop for whom it acts instead; only the operator may name one.
    """

    label: Text
    scopes: Annotated[list[Permission], Meta(min_length=1, max_length=len(Permission))]
    expires: Moment | None = None
    institution: InstitutionNumber | None = None
    party: PartyId | None = None


class Rotation(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How to replace a credential.

    Attributes:
        overlap_s: How long the old token still works.
        expires: When the new one expires; left out, a year from now.
    """

    overlap_s: Annotated[int, Meta(ge=0, le=OVERLAP_MAX_S)] = 86_400
    expires: Moment | None = None


class CredentialView(msgspec.Struct, frozen=True, kw_only=True):
    """A credential, without its secret."""

    id: UUID
    institution: InstitutionNumber | None
    party: PartyId | None
    label: str
    scopes: list[str]
    issued: Moment
    expires: Moment
    revoked: Moment | None
    replaced_by: UUID | None


class CredentialList(msgspec.Struct, frozen=True):
    """Credentials, the oldest first."""

    items: list[CredentialView]


class IssuedToken(msgspec.Struct, frozen=True, kw_only=True):
    """A new credential's token, which is shown this once.

    Attributes:
        id: The credential's id.
        token: Send it as `Authorization: Bearer {token}`.
    """

    id: UUID
    token: str
    expires: Moment


class CredentialsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose; only the operator may name an institution."""

    institution: InstitutionNumber | UnsetType = UNSET


_EXAMPLE_NEW = {"label": "till 4", "scopes": ["ledger:read", "ledger:write"]}
_EXAMPLE = {
    **_EXAMPLE_NEW,
    "id": EXAMPLE_IDS[8],
    "institution": 2,
    "party": None,
    "issued": EXAMPLE_MOMENT,
    "expires": EXAMPLE_MOMENT,
    "revoked": None,
    "replaced_by": None,
}
_EXAMPLE_TOKEN = {"id": EXAMPLE_IDS[8], "token": "kz_...", "expires": EXAMPLE_MOMENT}
_NEW_CREDENTIAL: Body[NewCredential] = Body(NewCredential, _EXAMPLE_NEW)
_ROTATION: Body[Rotation] = Body(Rotation, {"overlap_s": 86_400})
_CREDENTIALS_QUERY = Query(CredentialsQuery)
_TO_CREDENTIAL = (
    Link("revoke", "revokeCredential", {"credential_id": "$response.body#/id"}),
    Link("rotate", "rotateCredential", {"credential_id": "$response.body#/id"}),
)


@get(
    "/v1/credentials",
    opt={
        KEY: Documentation(
            name="listCredentials",
            topic="Credentials",
            summary="List your credentials",
            access=Permission.CREDENTIALS_WRITE,
            query=_CREDENTIALS_QUERY,
            answers={200: Answer("All that there ever were", CredentialList, {"items": [_EXAMPLE]})},
            refusals=("institution_not_yours",),
        )
    },
)
async def list_credentials(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return an owner's credentials."""
    owner = _owner(caller, or_none(_CREDENTIALS_QUERY.read(request).institution), None)
    owned = await services.database.as_caller(caller, lambda conn: credentials.owned_by(conn, owner))
    return json_reply(CredentialList([_view(each) for each in owned]))


@post(
    "/v1/credentials",
    opt={
        KEY: Documentation(
            name="issueCredential",
            topic="Credentials",
            summary="Issue a credential",
            description="Each request issues another one; the token cannot be had again.",
            access=Permission.CREDENTIALS_WRITE,
            body=_NEW_CREDENTIAL,
            answers={201: Answer("Issued", IssuedToken, _EXAMPLE_TOKEN, _TO_CREDENTIAL)},
            refusals=(
                "institution_not_yours",
                "institution_unknown",
                "scope_not_given_here",
                "expiry_in_the_past",
                "moment_malformed",
                "field_invalid",
            ),
        )
    },
)
async def issue_credential(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Issue a credential."""
    new = await _NEW_CREDENTIAL.read(request)
    owner = _owner(caller, new.institution, new.party)
    now_ns = services.clock.now_ns()
    expires_ns = _expiry(new.expires, now_ns)
    # What somebody issues to their own institution is in their own hands, so nobody becomes two persons.
    staff = caller.staff if owner == caller.owner else None
    token = await services.database.as_caller(
        caller, lambda conn: credentials.issue(conn, owner, new.scopes, new.label, expires_ns, now_ns, staff)
    )
    return _issued(token, expires_ns)


@post(
    "/v1/credentials/{credential_id:uuid}/rotate",
    opt={
        KEY: Documentation(
            name="rotateCredential",
            topic="Credentials",
            summary="Replace a credential by a new one; for an overlap both work",
            access=Permission.CREDENTIALS_WRITE,
            body=_ROTATION,
            answers={201: Answer("Issued", IssuedToken, _EXAMPLE_TOKEN, _TO_CREDENTIAL)},
            refusals=(
                "credential_unknown",
                "credential_not_replaceable",
                "expiry_in_the_past",
                "moment_malformed",
            ),
        )
    },
)
async def rotate_credential(
    request: AnyRequest, credential_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Issue a credential's successor."""
    rotation = await _ROTATION.read(request)
    now_ns = services.clock.now_ns()
    expires_ns = _expiry(rotation.expires, now_ns)

    def rotate(conn: Connection) -> Token:
        if credentials.find_credential(conn, credential_id) is None:
            raise _unknown(credential_id)
        return credentials.rotate(conn, credential_id, rotation.overlap_s, expires_ns, now_ns)

    token = await services.database.as_caller(caller, rotate)
    services.authentication.forget(credential_id)
    return _issued(token, expires_ns)


@delete(
    "/v1/credentials/{credential_id:uuid}",
    status_code=204,
    opt={
        KEY: Documentation(
            name="revokeCredential",
            topic="Credentials",
            summary="Revoke a credential at once",
            description="Other processes of this Karez refuse it within five seconds.",
            access=Permission.CREDENTIALS_WRITE,
            answers={204: Answer("Revoked, now or before")},
            refusals=("credential_unknown",),
        )
    },
)
async def revoke_credential(credential_id: FromPath[UUID], caller: TheCaller, services: TheServices) -> None:
    """End a credential."""
    now_ns = services.clock.now_ns()
    await services.database.as_caller(caller, lambda conn: credentials.revoke(conn, credential_id, now_ns))
    services.authentication.forget(credential_id)


def _owner(caller: Caller, institution: int | None, party: UUID | None) -> Owner:
    if institution is not None and party is not None:
        raise Rejected(
            "field_invalid",
            "A credential acts for an institution or for a party; leave one of the two out.",
            field="party",
        )
    if party is None:
        return (
            caller.owner if institution is None else Owner(institution=caller.choose_institution(institution))
        )
    if party != caller.party and not caller.is_operator:
        raise Rejected(
            "party_needed", "Only the operator issues credentials of people and shops; ask the operator."
        )
    return Owner(party=party)


def _expiry(text: str | None, now_ns: int) -> int:
    expires_ns = now_ns + LIFE_DEFAULT_S * _NANOSECONDS if text is None else parse_moment(text)
    if expires_ns <= now_ns:
        raise Rejected("expiry_in_the_past", "A credential's expiry lies in the future; choose a later one.")
    return expires_ns


def _issued(token: Token, expires_ns: int) -> Response[bytes]:
    issued = IssuedToken(id=token.id, token=str(token), expires=format_moment(expires_ns))
    return json_reply(issued, 201, location("/v1/credentials", token.id))


def _view(credential: Credential) -> CredentialView:
    return CredentialView(
        id=credential.id,
        institution=credential.institution,
        party=credential.party,
        label=credential.label,
        scopes=credential.scopes,
        issued=format_moment(credential.created_ns),
        expires=format_moment(credential.expires_ns),
        revoked=None if credential.revoked_ns is None else format_moment(credential.revoked_ns),
        replaced_by=credential.replaced_by,
    )


def _unknown(credential: UUID) -> Rejected:
    return Rejected("credential_unknown", f"There is no credential {credential} of yours; list yours first.")


HANDLERS = (list_credentials, issue_credential, rotate_credential, revoke_credential)

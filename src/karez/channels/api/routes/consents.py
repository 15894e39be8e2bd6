"""Consents: what people and shops allow institutions to do with their data."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    InstitutionNumber,
    Moment,
    NewId,
    PartyId,
    Text,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.replies import json_reply
from karez.core.outcomes import Rejected
from karez.parties import consent
from karez.parties.roles import Permission

Purpose = Annotated[str, Meta(pattern=r"^[a-z0-9-]{1,60}$", examples=["credit-assessment"])]


class NewConsent(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A consent to record.

    Attributes:
        party: Who consents; left out, the party whose credential asks.
        institution: To whom.
        purpose: For what.
        scope: What may be used, such as `name` and `phone`.
        evidence: How the consent was given, such as the version of the text that was shown.
    """

    id: NewId
    party: PartyId | None = None
    institution: InstitutionNumber
    purpose: Purpose
    scope: Annotated[list[Text], Meta(min_length=1, max_length=50)]
    evidence: Text


class Withdrawal(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The end of a consent.

    Attributes:
        party: Who withdraws; left out, the party whose credential asks.
        evidence: How it was withdrawn.
    """

    party: PartyId | None = None
    evidence: Text


class ConsentReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A consent that was recorded."""

    id: UUID
    party: PartyId


class ConsentView(msgspec.Struct, frozen=True, kw_only=True):
    """A consent and its end.

    Attributes:
        withdrawn: From when on no more; null while it holds.
    """

    id: UUID
    party: PartyId
    institution: InstitutionNumber
    purpose: str
    scope: list[str]
    evidence: str
    granted: Moment
    withdrawn: Moment | None


class ConsentList(msgspec.Struct, frozen=True):
    """Consents, the oldest first."""

    items: list[ConsentView]


class ConsentsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose; left out, those of the party whose credential asks."""

    party: PartyId | UnsetType = UNSET


_EXAMPLE_NEW = {
    "id": EXAMPLE_IDS[7],
    "institution": 2,
    "purpose": "credit-assessment",
    "scope": ["name", "phone"],
    "evidence": "text 3, accepted on the phone",
}
_EXAMPLE_RECEIPT = {"id": EXAMPLE_IDS[7], "party": EXAMPLE_IDS[6]}
_EXAMPLE = {**_EXAMPLE_NEW, "party": EXAMPLE_IDS[6], "granted": EXAMPLE_MOMENT, "withdrawn": None}
_NEW_CONSENT: Body[NewConsent] = Body(NewConsent, _EXAMPLE_NEW)
_WITHDRAWAL: Body[Withdrawal] = Body(Withdrawal, {"evidence": "asked at the counter"})
_CONSENTS_QUERY = Query(ConsentsQuery)


@post(
    "/v1/consents",
    opt={
        KEY: Documentation(
            name="grantConsent",
            topic="Consents",
            summary="Consent, as the party itself or the operator for it",
            access=Permission.PARTIES_WRITE,
            body=_NEW_CONSENT,
            answers={
                201: Answer(
                    "Recorded",
                    ConsentReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("withdraw", "withdrawConsent", {"consent_id": "$response.body#/id"}),),
                )
            },
            refusals=("party_needed", "consent_exists", "consent_without_parties"),
        )
    },
)
async def grant_consent(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Record a consent."""
    new = await _NEW_CONSENT.read(request)
    party = _party(caller, new.party)
    now_ns = services.clock.now_ns()
    await services.database.as_caller(
        caller,
        lambda conn: consent.grant(
            conn, party, new.id, new.institution, new.purpose, new.scope, new.evidence, now_ns
        ),
    )
    return json_reply(ConsentReceipt(id=new.id, party=party), 201)


@post(
    "/v1/consents/{consent_id:uuid}/withdraw",
    status_code=204,
    opt={
        KEY: Documentation(
            name="withdrawConsent",
            topic="Consents",
            summary="Withdraw a consent, as the party itself or the operator for it",
            access=Permission.PARTIES_WRITE,
            body=_WITHDRAWAL,
            answers={204: Answer("Withdrawn, now or before")},
            refusals=("party_needed", "consent_unknown"),
        )
    },
)
async def withdraw_consent(
    request: AnyRequest, consent_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> None:
    """Record the end of a consent."""
    withdrawal = await _WITHDRAWAL.read(request)
    party = _party(caller, withdrawal.party)
    now_ns = services.clock.now_ns()
    await services.database.as_caller(
        caller, lambda conn: consent.withdraw(conn, party, consent_id, withdrawal.evidence, now_ns)
    )


@get(
    "/v1/consents",
    opt={
        KEY: Documentation(
            name="listConsents",
            topic="Consents",
            summary="List the consents of a party",
            description="The party itself and the operator see all, an institution those that were given to it.",
            access=Permission.PARTIES_READ,
            query=_CONSENTS_QUERY,
            answers={200: Answer("All that it ever gave", ConsentList, {"items": [_EXAMPLE]})},
            refusals=("field_missing",),
        )
    },
)
async def list_consents(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a party's consents."""
    party = or_none(_CONSENTS_QUERY.read(request).party) or caller.party
    if party is None:
        raise Rejected("field_missing", "The field 'party' was not accepted: it is missing.", field="party")
    given = await services.database.as_caller(caller, lambda conn: consent.history(conn, party))
    return json_reply(ConsentList([_view(each) for each in given]))


def _party(caller: Caller, named: UUID | None) -> UUID:
    """Return who consents: nobody can do it for another one but the operator."""
    party = named or caller.party
    if party is None or not (caller.is_operator or party == caller.party):
        raise Rejected(
            "party_needed",
            "A consent is given and withdrawn by the party itself; use its own credential, or ask the operator.",
        )
    return party


def _view(given: consent.Consent) -> ConsentView:
    return ConsentView(
        id=given.id,
        party=given.party,
        institution=given.institution,
        purpose=given.purpose,
        scope=given.scope,
        evidence=given.evidence,
        granted=format_moment(given.granted_ns),
        withdrawn=None if given.withdrawn_ns is None else format_moment(given.withdrawn_ns),
    )


HANDLERS = (grant_consent, withdraw_consent, list_consents)

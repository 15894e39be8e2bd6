"""The lists of those whose payments are stopped, and of those who are not counted, as the operator keeps them."""

from collections.abc import Callable
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_PATTERN
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, Moment, PageSize, PartyId, Text
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.fraud.attempts import Subject, fingerprints
from karez.services.payments.fraud.listing import (
    ListEntry,
    ListReceipt,
    change_list,
    entries_page,
    find_entry,
    fingerprint_keys,
    party_key,
    take_off,
)

_LATEST_NS = 2**63 - 1

Fingerprint = Annotated[
    str, Meta(pattern="^[0-9a-f]{32}$", description="Of a card or device, as decisions show it.")
]


class Whom(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Who or what is listed: exactly one of `party`, `device` and `fingerprint`.

    Attributes:
        party: A person or shop. A person is listed as one who pays, a shop as one who is paid; of money that is sent
            to a person, the person is the `shop`.
        device: As the header `Device-Id` names it.
    """

    kind: Literal["person", "card", "device", "shop"]
    party: PartyId | None = None
    device: Annotated[str, Meta(pattern=DEVICE_PATTERN)] | None = None
    fingerprint: Fingerprint | None = None


class NewListEntry(Whom, kw_only=True, forbid_unknown_fields=True):
    """Somebody or something to put on a list, or to keep there on other terms.

    Attributes:
        verdict: `block` stops every payment; `allow` lets it go uncounted.
        until: When the entry ends by itself; left out, it stays.
    """

    verdict: Literal["block", "allow"]
    reason: Text
    until: Moment | None = None


class ListEnding(Whom, kw_only=True, forbid_unknown_fields=True):
    """Somebody or something to take off the list.

    Attributes:
        reason: Why, for whoever asks later.
    """

    reason: Text


class ListEntryView(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody or something on a list.

    Attributes:
        until: When the entry ends or has ended.
        changed_by: Whose credential has changed it last.
    """

    kind: str
    party: PartyId | None
    fingerprint: str | None
    verdict: str
    reason: str
    until: Moment | None
    changed_by: str
    changed: Moment


class ListPage(msgspec.Struct, frozen=True):
    """Entries, the latest change first."""

    items: list[ListEntryView]
    next_before: Moment | None


class ListQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which entries.

    Attributes:
        before: Changed before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_NEW = {"kind": "device", "device": "b7d1c0de-phone", "verdict": "block", "reason": "Reported as stolen."}
_END = {"kind": "device", "device": "b7d1c0de-phone", "reason": "The owner has it back."}
_RECEIPT = {"kind": "device", "verdict": "block", "reason": "Reported as stolen."}
_VIEW = {
    "kind": "person",
    "party": EXAMPLE_IDS[6],
    "fingerprint": None,
    "verdict": "block",
    "reason": "Sells what it does not have.",
    "until": None,
    "changed_by": "credential 8b71",
    "changed": EXAMPLE_MOMENT,
}
_ENTRY: Body[NewListEntry] = Body(NewListEntry, _NEW)
_ENDING: Body[ListEnding] = Body(ListEnding, _END)
_QUERY = Query(ListQuery)
_REFUSALS = (
    *OPERATION_REFUSALS,
    "idempotency_key_missing",
    "fraud_entry_malformed",
    "fraud_reason_missing",
)


@put(
    "/v1/fraud/list",
    opt={
        KEY: Documentation(
            name="listForFraud",
            topic="Fraud",
            summary="Block somebody or something, or let it pay uncounted, as the operator",
            access=Permission.OPERATOR,
            body=_ENTRY,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Listed, now or before", ListReceipt, _RECEIPT)},
            refusals=(*_REFUSALS, "moment_malformed"),
        )
    },
)
async def put_on_list(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make or change an entry."""
    body = await _ENTRY.read(request)
    keys = _keys(services, body)
    until_ns = None if body.until is None else parse_moment(body.until)
    return await _change(
        request,
        caller,
        services,
        "fraud.list",
        body,
        keys,
        lambda asking, known: change_list(asking, known, keys[0], body.verdict, body.reason, until_ns),
    )


@post(
    "/v1/fraud/list/end",
    status_code=200,
    opt={
        KEY: Documentation(
            name="takeOffFraudList",
            topic="Fraud",
            summary="Take somebody or something off the list, as the operator",
            access=Permission.OPERATOR,
            body=_ENDING,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Off the list, now or before", ListReceipt, _RECEIPT)},
            refusals=(*_REFUSALS, "fraud_entry_not_found"),
        )
    },
)
async def end_entry(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """End an entry; it stays to be read."""
    body = await _ENDING.read(request)
    keys = _keys(services, body)
    return await _change(
        request,
        caller,
        services,
        "fraud.list_end",
        body,
        keys,
        lambda asking, known: take_off(asking, known, body.reason),
    )


@get(
    "/v1/fraud/list",
    opt={
        KEY: Documentation(
            name="readFraudList",
            topic="Fraud",
            summary="Page through the list, the latest change first, as the operator",
            access=Permission.OPERATOR,
            query=_QUERY,
            answers={200: Answer("A page", ListPage, {"items": [_VIEW], "next_before": None})},
            refusals=("moment_malformed",),
        )
    },
)
async def read_list(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of entries; all of the last one's moment, even if that is more than the limit."""
    query = _QUERY.read(request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_caller(caller, lambda conn: entries_page(conn, before_ns, query.limit))
    next_before = format_moment(found[-1].changed_ns) if len(found) >= query.limit else None
    return json_reply(ListPage([_view(each) for each in found], next_before))


async def _change(
    request: AnyRequest,
    caller: Caller,
    services: Services,
    kind: str,
    body: Whom,
    keys: list[bytes],
    decide: Callable[[Asking, ListEntry | None], Operation],
) -> Response[bytes]:
    reply = await carry(
        services,
        asked(caller, None, kind, content_of(body), needed_key(request)),
        lambda: services.database.as_operator(lambda conn: find_entry(conn, keys)),
        lambda asking, _, known: decide(asking, known),
    )
    services.fraud_guard.forget()
    return to_response(Reply(200, reply))


def _keys(services: Services, whom: Whom) -> list[bytes]:
    """Return the keys of who or what is named; a card is named by its fingerprint only, so no number comes here."""
    kind = Subject(whom.kind)
    named = [each for each in (whom.party, whom.device, whom.fingerprint) if each is not None]
    if len(named) == 1:
        if whom.party is not None and (kind is Subject.PERSON or kind is Subject.SHOP):
            return [party_key(kind, whom.party)]
        if whom.device is not None and kind is Subject.DEVICE:
            return fingerprint_keys(kind, fingerprints(services.fraud_sealer, kind, whom.device))
        if whom.fingerprint is not None and (kind is Subject.CARD or kind is Subject.DEVICE):
            return fingerprint_keys(kind, (bytes.fromhex(whom.fingerprint),))
    raise Rejected(
        "fraud_entry_malformed",
        "Name exactly one: a person or shop by party, a device by device or fingerprint, a card by fingerprint.",
    )


def _view(entry: ListEntry) -> ListEntryView:
    is_party = entry.kind in (Subject.PERSON, Subject.SHOP)
    return ListEntryView(
        kind=entry.kind,
        party=UUID(bytes=entry.key[1:]) if is_party else None,
        fingerprint=None if is_party else entry.key[1:].hex(),
        verdict=entry.verdict,
        reason=entry.reason,
        until=None if entry.until_ns is None else format_moment(entry.until_ns),
        changed_by=entry.changed_by,
        changed=format_moment(entry.changed_ns),
    )


HANDLERS = (put_on_list, end_entry, read_list)

"""The rules by which payments are judged, as the operator reads and replaces them."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from litestar import Response, get, put
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_MOMENT, Moment, PageSize, Text
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.fraud.rule_sets import (
    RULES_MAX,
    RuleSet,
    RuleSetReceipt,
    current_set,
    replace_set,
    sets_page,
)
from karez.services.payments.fraud.rules import Rule

SetVersion = Annotated[int, Meta(ge=0, le=2**31 - 1, description="Version of the set; 0 is Karez's own.")]


class NewRuleSet(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Rules that hold from now on, in place of all others.

    Attributes:
        version: Of the set that was read and changed.
        rules: By name; none judges nothing but the lists.
        note: Why, for whoever asks later.
    """

    version: SetVersion
    rules: Annotated[dict[str, Rule], Meta(max_length=RULES_MAX)]
    note: Text


class RuleSetView(msgspec.Struct, frozen=True, kw_only=True):
    """A version of the set of rules.

    Attributes:
        version: 0 is the set that Karez comes with.
        changed_by: Whose credential has made it.
    """

    version: int
    rules: Mapping[str, Rule]
    note: str
    changed_by: str
    changed: Moment | None


class RuleSetPage(msgspec.Struct, frozen=True):
    """Versions of the set, the latest first."""

    items: list[RuleSetView]
    next_before: int | None


class VersionsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which versions.

    Attributes:
        before: Versions below this one.
    """

    before: SetVersion | UnsetType = UNSET
    limit: PageSize = 50


_RULES = {
    "device_hour": {
        "kind": "velocity",
        "subject": "device",
        "window": "hour",
        "measure": "count",
        "limit": 20,
        "outcome": "challenge",
    },
    "very_large": {
        "kind": "amount_band",
        "currency": "CNY",
        "from_minor": 50_000_000,
        "outcome": "refuse",
    },
}
_NEW = {"version": 0, "rules": _RULES, "note": "As our risk committee decided on 2 March."}
_SHOWN_RULES = {
    "device_hour": {**_RULES["device_hour"], "currency": None, "exact": False},
    "very_large": {**_RULES["very_large"], "below_minor": None},
}
_RECEIPT = {"version": 1, "rules": _SHOWN_RULES, "note": "As our risk committee decided on 2 March."}
_VIEW = {**_RECEIPT, "changed_by": "credential 8b71", "changed": EXAMPLE_MOMENT}
_RULE_SET: Body[NewRuleSet] = Body(NewRuleSet, _NEW)
_VERSIONS = Query(VersionsQuery)
_VERSION_MAX = 2**31 - 1


@get(
    "/v1/fraud/rules",
    opt={
        KEY: Documentation(
            name="readFraudRules",
            topic="Fraud",
            summary="Read the rules by which payments are judged, as the operator",
            access=Permission.OPERATOR,
            answers={200: Answer("Those that hold", RuleSetView, _VIEW)},
            refusals=("fraud_rule_unreadable",),
        )
    },
)
async def read_rules(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the set that holds."""
    return json_reply(_view(await services.database.as_caller(caller, current_set)))


@put(
    "/v1/fraud/rules",
    opt={
        KEY: Documentation(
            name="replaceFraudRules",
            topic="Fraud",
            summary="Replace the rules by which payments are judged, as the operator",
            description="The new set holds at once in the process that answers, and in all others a second later. "
            "Every version stays readable, with who made it and why.",
            access=Permission.OPERATOR,
            body=_RULE_SET,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Replaced, now or before", RuleSetReceipt, _RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "fraud_rules_changed",
                "fraud_rule_invalid",
                "fraud_reason_missing",
                "currency_unknown",
            ),
        )
    },
)
async def replace_rules(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make the next version of the set."""
    body = await _RULE_SET.read(request)
    reply = await carry(
        services,
        asked(caller, None, "fraud.replace_rules", content_of(body), needed_key(request)),
        lambda: services.database.as_operator(current_set),
        lambda asking, _, known: replace_set(asking, known, body.version, body.rules, body.note),
    )
    services.fraud_guard.forget()
    return to_response(Reply(200, reply))


@get(
    "/v1/fraud/rules/versions",
    opt={
        KEY: Documentation(
            name="listFraudRuleVersions",
            topic="Fraud",
            summary="List the versions of the rules, the latest first, as the operator",
            access=Permission.OPERATOR,
            query=_VERSIONS,
            answers={200: Answer("A page", RuleSetPage, {"items": [_VIEW], "next_before": None})},
            refusals=("fraud_rule_unreadable",),
        )
    },
)
async def list_versions(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of versions."""
    query = _VERSIONS.read(request)
    before = or_none(query.before)
    found = await services.database.as_caller(
        caller, lambda conn: sets_page(conn, _VERSION_MAX if before is None else before, query.limit)
    )
    next_before = found[-1].version if len(found) == query.limit else None
    return json_reply(RuleSetPage([_view(each) for each in found], next_before))


def _view(found: RuleSet) -> RuleSetView:
    return RuleSetView(
        version=found.version,
        rules=found.decoded(),
        note=found.note,
        changed_by=found.changed_by,
        changed=format_moment(found.changed_ns) if found.changed_ns else None,
    )


HANDLERS = (read_rules, replace_rules, list_versions)

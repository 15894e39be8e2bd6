"""Fee plans: what shops pay for their payments."""

from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, CurrencyCode, Moment, PartyId
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.calendars import Calendar
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.house import House
from karez.services.payments.settlement.agreed_calendars import find_calendar
from karez.services.payments.settlement.agreements import AgreementFacts, FeePlanReceipt, NewPlan, agree
from karez.services.payments.settlement.fees import TERMS_MAX, FeePlan, FeeTerms
from karez.services.payments.settlement.records import plans_of, settlement_accounts
from karez.services.payments.wallets.records import find_wallet

CalendarName = Annotated[
    str, Meta(pattern="^[a-z0-9_]{1,80}$", description="Name of a business calendar.", examples=["china"])
]
Minor = Annotated[int, Meta(ge=0, le=2**53, description="Minor units of the currency.")]


class NewTerms(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The fee for one category.

    Attributes:
        category: For which; left out, for all that have no terms of their own.
        rate_bps: Share of the payment in hundredths of a percent.
        fixed_minor: Part that every payment costs.
        minimum_minor: The least.
        maximum_minor: The most; left out, there is no such limit.
    """

    category: Annotated[str, Meta(pattern="^[a-z]{1,20}$")] | None = None
    rate_bps: Annotated[int, Meta(ge=0, le=10_000)] = 0
    fixed_minor: Minor = 0
    minimum_minor: Minor = 0
    maximum_minor: Minor | None = None


class NewFeePlan(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What is agreed with a shop; its first plan also begins its settlement.

    Attributes:
        valid_from: For payments from this moment on; left out, from now on. The first plan is for all of them.
        calendar: Whose business days count; only the first plan's does.
        refund_fee_policy: `keep` the fee when a payment is refunded, or give it back in proportion.
    """

    shop: PartyId
    currency: CurrencyCode
    terms: Annotated[list[NewTerms], Meta(min_length=1, max_length=TERMS_MAX)]
    refund_fee_policy: Literal["keep", "proportional"] = "keep"
    valid_from: Moment | None = None
    calendar: CalendarName = "weekdays"


class FeePlanView(msgspec.Struct, frozen=True, kw_only=True):
    """A fee plan."""

    shop: PartyId
    currency: str
    valid_from: Moment
    terms: list[FeeTerms]
    refund_fee_policy: str


class FeePlanList(msgspec.Struct, frozen=True):
    """The plans of a shop, each until the next one."""

    items: list[FeePlanView]


class FeePlansQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Of which currency."""

    currency: CurrencyCode


_TERMS = [{"rate_bps": 60, "minimum_minor": 1}, {"category": "digital", "rate_bps": 100}]
_EXAMPLE = {"shop": EXAMPLE_IDS[6], "currency": "CNY", "terms": _TERMS, "refund_fee_policy": "keep"}
_NEW_FEE_PLAN: Body[NewFeePlan] = Body(NewFeePlan, {**_EXAMPLE, "calendar": "china"})
_FEE_PLANS_QUERY = Query(FeePlansQuery)


@post(
    "/v1/fee-plans",
    opt={
        KEY: Documentation(
            name="agreeFeePlan",
            topic="Settlement",
            summary="Agree with a shop on its fees, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_FEE_PLAN,
            headers=(NEEDED_KEY,),
            answers={201: Answer("Agreed, now or before", FeePlanReceipt, {**_EXAMPLE, "valid_from_ns": 0})},
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "wallet_not_found",
                "shop_needed",
                "moment_malformed",
                "calendar_not_found",
                "calendar_closed",
                "category_unknown",
                "fee_terms_incomplete",
                "fee_terms_repeated",
                "fee_terms_out_of_range",
                "fee_plan_in_the_past",
                "fee_plan_exists",
            ),
        )
    },
)
async def agree_fee_plan(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Record a plan; the payments before it keep theirs."""
    body = await _NEW_FEE_PLAN.read(request)
    valid_from_ns = None if body.valid_from is None else parse_moment(body.valid_from)
    terms = tuple(FeeTerms(**msgspec.structs.asdict(each)) for each in body.terms)

    def read(conn: Connection) -> tuple[AgreementFacts, Calendar]:
        wallet = find_wallet(conn, body.shop, body.currency)
        standing = [each for each in settlement_accounts(conn, body.shop) if each.currency == body.currency]
        plans: Sequence[FeePlan] = plans_of(conn, [(body.shop, body.currency)])[body.shop, body.currency]
        facts = AgreementFacts(wallet, standing[0] if standing else None, plans)
        return facts, find_calendar(conn, body.calendar)

    def decide(asking: Asking, _: House, found: tuple[AgreementFacts, Calendar]) -> Operation:
        facts, calendar = found
        return agree(asking, facts, NewPlan(calendar, valid_from_ns, terms, body.refund_fee_policy))

    ask = asked(caller, None, f"settlement.agree/{body.shop}", content_of(body), needed_key(request))
    reply = await carry(services, ask, lambda: services.database.as_operator(read), decide)
    return to_response(Reply(201, reply))


@get(
    "/v1/fee-plans",
    opt={
        KEY: Documentation(
            name="listFeePlans",
            topic="Settlement",
            summary="List what was agreed with a shop on its fees",
            access=Permission.PAYMENTS_READ,
            query=_FEE_PLANS_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer("All plans", FeePlanList, {"items": [{**_EXAMPLE, "valid_from": EXAMPLE_MOMENT}]})
            },
            refusals=(*ACTING_REFUSALS, "field_missing"),
        )
    },
)
async def list_fee_plans(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the plans of the shop."""
    currency = _FEE_PLANS_QUERY.read(request).currency
    shop = await party_of(services, caller, request)
    plans = await services.database.as_party(shop, lambda conn: plans_of(conn, [(shop, currency)]))
    return json_reply(FeePlanList([_view(plan) for plan in plans[shop, currency]]))


def _view(plan: FeePlan) -> FeePlanView:
    return FeePlanView(
        shop=plan.shop,
        currency=plan.currency,
        valid_from=format_moment(plan.valid_from_ns),
        terms=list(plan.terms),
        refund_fee_policy=plan.refund_fee_policy,
    )


HANDLERS = (agree_fee_plan, list_fee_plans)

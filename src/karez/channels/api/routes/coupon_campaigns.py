"""Coupon campaigns: making, listing and closing them."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, party_of
from karez.channels.api.asking import Asked, asked
from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.documentation import KEY, Answer, Documentation, Header, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    PageSize,
    PartyId,
    Reference,
    Text,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House
from karez.services.payments.sources import campaigns
from karez.services.payments.sources.campaigns import (
    COUNT_MAX,
    CampaignReceipt,
    NewCampaign,
)
from karez.services.payments.sources.coupon_records import (
    Campaign,
    campaign_or_none,
    campaigns_page,
    find_campaign,
)
from karez.services.payments.wallets.records import Wallet, find_wallet

_LATEST_NS = 2**63 - 1
_FUNDER = Header(
    "Acting-For",
    "Id of the shop that an institution acts for. Left out by an institution, the campaign is its own; a shop's own"
    " credential leaves it out.",
    ACTING_FOR.schema,
)


class CampaignRequest(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A campaign to make.

    Attributes:
        face_minor: What a coupon gives at most.
        minimum_minor: The least price that a coupon helps to pay.
        count: How many coupons; all of their money is put aside at once.
        until: When the coupons expire.
    """

    reference: Reference
    title: Text
    currency: CurrencyCode
    face_minor: MoneyAmount
    minimum_minor: Annotated[int, Meta(ge=0, le=2**63 - 1)] = 0
    count: Annotated[int, Meta(ge=1, le=COUNT_MAX)]
    until: Moment


class CampaignView(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign.

    Attributes:
        shop: Who funds it and where its coupons pay; `null` is an institution's campaign, for all shops.
        left: How many coupons can still be claimed.
    """

    id: UUID
    reference: str
    shop: PartyId | None
    title: str
    currency: str
    face_minor: int
    minimum_minor: int
    state: str
    until: Moment
    created: Moment
    left: int


class CampaignPage(msgspec.Struct, frozen=True):
    """Campaigns, the latest first."""

    items: list[CampaignView]
    next_before: Moment | None


class CampaignsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which campaigns.

    Attributes:
        before: Made before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "reference": "spring-2026",
    "title": "5.00 off",
    "currency": "CNY",
    "face_minor": 500,
    "minimum_minor": 2_000,
    "count": 1_000,
    "until": "2030-04-30T16:00:00Z",
}
_EXAMPLE_CAMPAIGN = {
    "id": EXAMPLE_IDS[4],
    "reference": "spring-2026",
    "state": "open",
    "currency": "CNY",
    "face_minor": 500,
}
_NEW: Body[CampaignRequest] = Body(CampaignRequest, _EXAMPLE_NEW)
_QUERY = Query(CampaignsQuery)
_FUNDER_REFUSALS = ("party_unknown", "party_not_active", "institution_needed")


@post(
    "/v1/coupon-campaigns",
    opt={
        KEY: Documentation(
            name="createCouponCampaign",
            topic="Coupons",
            summary="Make a coupon campaign and put its budget aside, as a shop or an institution",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(_FUNDER,),
            answers={
                201: Answer(
                    "Made, now or before",
                    CampaignReceipt,
                    {**_EXAMPLE_CAMPAIGN, "count": 1_000},
                    (Link("claim", "claimCoupon", {"campaign_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *_FUNDER_REFUSALS,
                "moment_malformed",
                "currency_not_open",
                "amount_too_large",
                "campaign_too_short",
                "campaign_too_long",
                "shop_needed",
                "wallet_not_found",
                "wallet_frozen",
                "payment_limit_exceeded",
                "day_limit_exceeded",
                "balance_too_low",
                "payer_account_not_found",
                "campaign_reference_used",
            ),
        )
    },
)
async def create_campaign(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Make a campaign."""
    body = await _NEW.read(request)
    funder = await _funder(services, caller, request)
    new = NewCampaign(
        reference=body.reference,
        title=body.title,
        currency=body.currency,
        face_minor=body.face_minor,
        minimum_minor=body.minimum_minor,
        count=body.count,
        until_ns=parse_moment(body.until),
    )

    id_ = campaigns.campaign_id(funder, body.reference)

    async def read() -> tuple[Wallet | int, Campaign | None]:
        if isinstance(funder, int):
            return funder, await services.database.as_caller(caller, lambda conn: campaign_or_none(conn, id_))
        return await services.database.as_party(
            funder, lambda conn: (find_wallet(conn, funder, body.currency), campaign_or_none(conn, id_))
        )

    def decide(asking: Asking, house: House, facts: tuple[Wallet | int, Campaign | None]) -> Operation:
        purse, earlier = facts
        campaigns.check_reference(earlier)
        return campaigns.create(asking, house, purse, new)

    reply = await carry(
        services,
        _asked(caller, funder, f"coupon.create_campaign/{body.reference}", content_of(body), None),
        read,
        decide,
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/coupon-campaigns",
    opt={
        KEY: Documentation(
            name="listCouponCampaigns",
            topic="Coupons",
            summary="List the campaigns that are open, or one's own, the latest first",
            description="A person or shop sees all that are open and all of its own; an institution sees its own.",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(_FUNDER,),
            answers={
                200: Answer(
                    "A page",
                    CampaignPage,
                    {
                        "items": [
                            {
                                **_EXAMPLE_CAMPAIGN,
                                "shop": None,
                                "title": "5.00 off",
                                "minimum_minor": 2_000,
                                "until": EXAMPLE_MOMENT,
                                "created": EXAMPLE_MOMENT,
                                "left": 17,
                            }
                        ],
                        "next_before": None,
                    },
                )
            },
            refusals=(*_FUNDER_REFUSALS, "header_invalid", "moment_malformed"),
        )
    },
)
async def list_campaigns(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of campaigns; how many coupons are left is the book's, of this moment."""
    query = _QUERY.read(request)
    who = await _funder(services, caller, request)
    before, now_ns = or_none(query.before), services.clock.now_ns()
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    institution, party = (who, None) if isinstance(who, int) else (None, who)

    def read(conn: Connection) -> list[Campaign]:
        return campaigns_page(conn, institution, party, now_ns, before_ns, query.limit)

    found = await (
        services.database.as_caller(caller, read)
        if party is None
        else services.database.as_party(party, read)
    )
    balances = await services.book.balances([accounts.coupon_budget(each.id) for each in found])
    views = []
    for campaign, budget in zip(found, balances, strict=True):
        assert budget is not None, "a campaign is made together with its budget"
        free_minor = budget.credits_posted - budget.debits_posted - budget.debits_pending
        views.append(_campaign_view(campaign, free_minor))
    next_before = format_moment(found[-1].created_ns) if len(found) == query.limit else None
    return json_reply(CampaignPage(views, next_before))


@post(
    "/v1/coupon-campaigns/{campaign_id:uuid}/close",
    status_code=200,
    opt={
        KEY: Documentation(
            name="closeCouponCampaign",
            topic="Coupons",
            summary="Close a campaign and take back what is free of its budget, as its funder",
            description="Coupons that people hold stay good. What comes back later is taken back by closing again.",
            access=Permission.PAYMENTS_WRITE,
            headers=(_FUNDER, NEEDED_KEY),
            answers={
                200: Answer(
                    "Closed, now or before",
                    CampaignReceipt,
                    {**_EXAMPLE_CAMPAIGN, "state": "closed", "count": 1_000},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *_FUNDER_REFUSALS,
                "idempotency_key_missing",
                "campaign_not_found",
            ),
        )
    },
)
async def close_campaign(
    request: AnyRequest, campaign_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Close a campaign."""
    funder = await _funder(services, caller, request)

    async def read() -> Campaign:
        def find(conn: Connection) -> Campaign:
            return find_campaign(conn, campaign_id)

        if isinstance(funder, int):
            return await services.database.as_caller(caller, find)
        return await services.database.as_party(funder, find)

    reply = await carry(
        services,
        _asked(caller, funder, f"coupon.close_campaign/{campaign_id}", b"", needed_key(request)),
        read,
        lambda asking, house, campaign: campaigns.close(asking, house, campaign, funder),
    )
    return to_response(Reply(200, reply))


async def _funder(services: Services, caller: Caller, request: AnyRequest) -> UUID | int:
    """Return who funds: a party where one is named or asks itself, else the calling institution."""
    if caller.party is None and request.headers.get("acting-for") is None:
        return caller.institution
    return await party_of(services, caller, request)


def _asked(caller: Caller, funder: UUID | int, kind: str, content: bytes, key: UUID | None) -> Asked:
    return asked(caller, funder if isinstance(funder, UUID) else None, kind, content, key)


def _campaign_view(campaign: Campaign, free_minor: int) -> CampaignView:
    return CampaignView(
        id=campaign.id,
        reference=campaign.reference,
        shop=campaign.shop,
        title=campaign.title,
        currency=campaign.currency,
        face_minor=campaign.face_minor,
        minimum_minor=campaign.minimum_minor,
        state=campaign.state,
        until=format_moment(campaign.until_ns),
        created=format_moment(campaign.created_ns),
        left=free_minor // campaign.face_minor if campaign.state == "open" else 0,
    )


HANDLERS = (create_campaign, list_campaigns, close_campaign)

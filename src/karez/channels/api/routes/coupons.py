"""Coupons: claiming them, and what people hold."""

from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    Moment,
    PageSize,
    PartyId,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.sources import campaigns
from karez.services.payments.sources.campaigns import (
    CouponReceipt,
    coupon_id,
)
from karez.services.payments.sources.coupon_records import (
    Campaign,
    Coupon,
    coupon_or_none,
    coupons_page,
    find_campaign,
)

_LATEST_NS = 2**63 - 1


class CouponView(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon.

    Attributes:
        shop: Where it pays; `null` is everywhere.
        worth_minor: What it gives at most.
        state: `claimed` or `used`; one that was not used is worth nothing after `until`.
        trade: What it has paid.
    """

    id: UUID
    campaign: UUID
    shop: PartyId | None
    currency: str
    worth_minor: int
    minimum_minor: int
    state: str
    trade: UUID | None
    until: Moment
    claimed: Moment


class CouponPage(msgspec.Struct, frozen=True):
    """Coupons, the latest first."""

    items: list[CouponView]
    next_before: Moment | None


class CouponsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which coupons.

    Attributes:
        before: Claimed before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_COUPON = {
    "id": EXAMPLE_IDS[3],
    "campaign": EXAMPLE_IDS[4],
    "currency": "CNY",
    "worth_minor": 500,
    "minimum_minor": 2_000,
}
_QUERY = Query(CouponsQuery)


@post(
    "/v1/coupon-campaigns/{campaign_id:uuid}/claim",
    opt={
        KEY: Documentation(
            name="claimCoupon",
            topic="Coupons",
            summary="Claim a coupon: one for each person or shop",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR,),
            answers={201: Answer("Claimed, now or before", CouponReceipt, _EXAMPLE_COUPON)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "campaign_not_found",
                "campaign_closed",
                "coupon_claimed_before",
                "coupons_gone",
            ),
        )
    },
)
async def claim_coupon(
    request: AnyRequest, campaign_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Claim a coupon."""
    party = await party_of(services, caller, request)

    def read(conn: Connection) -> tuple[Campaign, Coupon | None]:
        return find_campaign(conn, campaign_id), coupon_or_none(conn, coupon_id(campaign_id, party))

    reply = await carry(
        services,
        asked(caller, party, f"coupon.claim/{campaign_id}", b"", None),
        lambda: services.database.as_party(party, read),
        lambda asking, house, facts: campaigns.claim(asking, house, facts[0], party, facts[1]),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/coupons",
    opt={
        KEY: Documentation(
            name="listCoupons",
            topic="Coupons",
            summary="List one's coupons, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "A page",
                    CouponPage,
                    {
                        "items": [
                            {
                                **_EXAMPLE_COUPON,
                                "shop": None,
                                "state": "claimed",
                                "trade": None,
                                "until": EXAMPLE_MOMENT,
                                "claimed": EXAMPLE_MOMENT,
                            }
                        ],
                        "next_before": None,
                    },
                )
            },
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_coupons(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of coupons."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_party(
        party, lambda conn: coupons_page(conn, party, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].claimed_ns) if len(found) == query.limit else None
    return json_reply(CouponPage([_coupon_view(each) for each in found], next_before))


def _coupon_view(coupon: Coupon) -> CouponView:
    return CouponView(
        id=coupon.id,
        campaign=coupon.campaign,
        shop=coupon.shop,
        currency=coupon.currency,
        worth_minor=coupon.worth_minor,
        minimum_minor=coupon.minimum_minor,
        state=coupon.state,
        trade=coupon.trade,
        until=format_moment(coupon.until_ns),
        claimed=format_moment(coupon.claimed_ns),
    )


HANDLERS = (claim_coupon, list_coupons)

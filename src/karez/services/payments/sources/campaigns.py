"""Coupon campaigns: a shop or an institution puts a budget aside, people claim coupons on it, one each.

The budget is an account in money. A claim reserves a coupon's face value there, so of any number of people who
claim at once exactly as many get one as the budget has money for. What nobody claimed goes back to the funder when
the campaign is closed.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import NIL, derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import AMOUNT_MAX, Transfer, TransferFlags
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves
from karez.services.payments.sources.coupon import reservation
from karez.services.payments.sources.coupon_records import Campaign, Coupon, no_campaign
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

COUNT_MAX = 10_000_000
DAYS_MAX = 3_650
"""How long coupons may be good."""

_DAY_NS = 86_400_000_000_000


@dataclass(frozen=True, slots=True)
class NewCampaign:
    """A campaign to make.

    Attributes:
        reference: The funder's own name for it.
        title: What people are told.
        currency: ISO 4217 letters.
        face_minor: What a coupon gives at most.
        minimum_minor: The least price that a coupon helps to pay.
        count: How many coupons.
        until_ns: When they expire.
    """

    reference: str
    title: str
    currency: str
    face_minor: int
    minimum_minor: int
    count: int
    until_ns: int


class CampaignReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A campaign after a change."""

    id: UUID
    reference: str
    state: str
    currency: str
    face_minor: int
    count: int


class CouponReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A coupon that was claimed."""

    id: UUID
    campaign: UUID
    currency: str
    worth_minor: int
    minimum_minor: int


def campaign_id(funder: UUID | int, reference: str) -> UUID:
    """Return the id of a campaign: a reference is used once by each funder."""
    if isinstance(funder, UUID):
        return derived_id(funder, "coupon campaign", reference)
    return derived_id(NIL, "coupon campaign", funder, reference)


def coupon_id(campaign: UUID, party: UUID) -> UUID:
    """Return the id of somebody's coupon of a campaign: there is one at most."""
    return derived_id(campaign, "coupon", str(party))


def create(asking: Asking, house: House, funder: Wallet | int, new: NewCampaign) -> Operation:
    """Make a campaign and put its whole budget aside.

    Args:
        asking: The funder's request.
        house: The payment house.
        funder: The wallet of a shop, or the number of an institution, whose clearing account pays.
        new: What is offered.

    Rejections: ``currency_not_open``, ``amount_not_positive``, ``amount_too_large``, ``campaign_too_short``,
        ``campaign_too_long``,
        ``count_out_of_range``, ``shop_needed``, ``wallet_frozen``, ``payment_limit_exceeded``; in the book
        ``row_exists``, ``exceeds_credits``, and ``debit_account_not_found`` where an institution has no clearing
        account.
    """
    currency = house.currency(new.currency)
    _check(asking, new)
    budget_minor = new.face_minor * new.count
    shop = funder.party if isinstance(funder, Wallet) else None
    limited: tuple[Transfer, ...] = ()
    if isinstance(funder, Wallet):
        _check_shop(funder)
        check_open(funder)
        check_payment(funder.level, budget_minor, currency)
        limited = limit_use(asking, funder.party, funder.level, budget_minor, currency)
    id_ = campaign_id(funder.party if isinstance(funder, Wallet) else funder, new.reference)
    budget = house.account(
        accounts.coupon_budget(id_),
        currency.money,
        AccountCode.COUPON_BUDGET,
        flags=DEBITS_LIMITED,
        party=shop,
    )
    funding = money_moves(
        asking.made_id("transfer"),
        _purse(funder, new.currency),
        budget.id,
        budget_minor,
        currency.money,
        TransferCode.COUPON_FUNDING,
    )
    row = RowInsert(
        table="coupon_campaign",
        key={"id": str(id_)},
        values={
            "reference": new.reference,
            "institution": funder if isinstance(funder, int) else None,
            "shop": None if shop is None else str(shop),
            "title": new.title,
            "currency": new.currency,
            "face_minor": new.face_minor,
            "minimum_minor": new.minimum_minor,
            "count": new.count,
            "state": "open",
            "until_ns": new.until_ns,
            "created_ns": asking.now_ns,
        },
    )
    reply = CampaignReceipt(
        id=id_,
        reference=new.reference,
        state="open",
        currency=new.currency,
        face_minor=new.face_minor,
        count=new.count,
    )
    return asking.operation(
        "coupon.create_campaign",
        reply,
        accounts=(budget,),
        transfers=(*limited, funding),
        rows=(row,),
        events=(
            asking.event(
                "coupon.campaign_opened", () if shop is None else (shop,), msgspec.structs.asdict(reply)
            ),
        ),
    )


def check_reference(earlier: Campaign | None) -> None:
    """Refuse to make a campaign whose reference the funder has used.

    Rejections: ``campaign_reference_used``.
    """
    if earlier is not None:
        raise Rejected(
            "campaign_reference_used",
            f"You have a campaign {earlier.reference!r} already; use a new reference for a new campaign.",
            campaign=str(earlier.id),
        )


def claim(asking: Asking, house: House, campaign: Campaign, party: UUID, earlier: Coupon | None) -> Operation:
    """Give somebody a coupon, whose money is set aside from now on.

    Args:
        asking: The request.
        house: The payment house.
        campaign: Which gives it out.
        party: Who gets it.
        earlier: The coupon of this campaign that they have already.

    Rejections: ``campaign_closed``, ``coupon_claimed_before``; in the book ``exceeds_credits`` when none is left.
    """
    if earlier is not None:
        raise Rejected(
            "coupon_claimed_before",
            f"Everybody gets one coupon of campaign {campaign.id}, and you have yours: {earlier.id}.",
            coupon=str(earlier.id),
        )
    if campaign.state != "open" or asking.now_ns >= campaign.until_ns:
        raise Rejected("campaign_closed", f"The campaign {campaign.id} is over; look for another one.")
    id_ = coupon_id(campaign.id, party)
    reserved = reservation(
        asking.made_id("transfer"),
        accounts.coupon_budget(campaign.id),
        campaign.face_minor,
        house.currency(campaign.currency),
        asking.now_ns,
        campaign.until_ns,
    )
    row = RowInsert(
        table="coupon",
        key={"id": str(id_)},
        values={
            "campaign": str(campaign.id),
            "party": str(party),
            "shop": None if campaign.shop is None else str(campaign.shop),
            "currency": campaign.currency,
            "worth_minor": campaign.face_minor,
            "minimum_minor": campaign.minimum_minor,
            "state": "claimed",
            "reservation": str(reserved.id),
            "trade": None,
            "until_ns": campaign.until_ns,
            "claimed_ns": asking.now_ns,
            "used_ns": None,
        },
    )
    reply = CouponReceipt(
        id=id_,
        campaign=campaign.id,
        currency=campaign.currency,
        worth_minor=campaign.face_minor,
        minimum_minor=campaign.minimum_minor,
    )
    return asking.operation(
        "coupon.claim",
        reply,
        transfers=(reserved,),
        rows=(row,),
        events=(asking.event("coupon.claimed", (party,), msgspec.structs.asdict(reply)),),
    )


def close(asking: Asking, house: House, campaign: Campaign, funder: UUID | int) -> Operation:
    """End a campaign and give the funder what is free of its budget.

    Coupons that people hold stay good. What comes back from payments or expires later is given back by closing the
    campaign again.

    Rejections: ``campaign_not_found``.
    """
    if funder not in (campaign.shop, campaign.institution):
        raise no_campaign(campaign.id)
    returned = money_moves(
        asking.made_id("transfer"),
        accounts.coupon_budget(campaign.id),
        _purse_of(funder, campaign.currency),
        AMOUNT_MAX,
        house.currency(campaign.currency).money,
        TransferCode.COUPON_BUDGET_RETURN,
        flags=int(TransferFlags.BALANCING_DEBIT),
    )
    row = RowUpdate(
        table="coupon_campaign",
        key={"id": str(campaign.id)},
        expected={"state": campaign.state},
        changes={"state": "closed"},
    )
    reply = CampaignReceipt(
        id=campaign.id,
        reference=campaign.reference,
        state="closed",
        currency=campaign.currency,
        face_minor=campaign.face_minor,
        count=campaign.count,
    )
    parties = () if campaign.shop is None else (campaign.shop,)
    return asking.operation(
        "coupon.close_campaign",
        reply,
        transfers=(returned,),
        rows=(row,),
        events=(asking.event("coupon.campaign_closed", parties, msgspec.structs.asdict(reply)),),
    )


def _check(asking: Asking, new: NewCampaign) -> None:
    check_amount(new.face_minor)
    if not 0 < new.count <= COUNT_MAX:
        raise Rejected(
            "count_out_of_range", f"A campaign has 1 to {COUNT_MAX} coupons; make several campaigns of more."
        )
    check_amount(new.face_minor * new.count)
    if new.until_ns <= asking.now_ns:
        raise Rejected("campaign_too_short", "The coupons would have expired already; name a later moment.")
    if new.until_ns > asking.now_ns + DAYS_MAX * _DAY_NS:
        raise Rejected(
            "campaign_too_long", f"Coupons are good for {DAYS_MAX} days at most; name an earlier moment."
        )


def _check_shop(funder: Wallet) -> None:
    if funder.kind != "shop":
        raise Rejected(
            "shop_needed", "Campaigns are made by shops and institutions; use a shop's credential."
        )


def _purse(funder: Wallet | int, currency: str) -> UUID:
    return _purse_of(funder.party if isinstance(funder, Wallet) else funder, currency)


def _purse_of(funder: UUID | int, currency: str) -> UUID:
    """Return the account that pays for a campaign: a shop's wallet, or what an institution holds for Karez."""
    if isinstance(funder, UUID):
        return accounts.wallet(funder, currency)
    return accounts.clearing(funder, currency)

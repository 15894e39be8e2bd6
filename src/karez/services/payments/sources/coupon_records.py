"""Reading coupons and the campaigns that give them out."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected


@dataclass(frozen=True, slots=True)
class Campaign:
    """A campaign that gives coupons out.

    Attributes:
        id: Derived from its funder and reference.
        reference: The funder's own name for it.
        institution: Who funds it, or
        shop: which shop does; its coupons pay at this shop only.
        title: What people are told.
        currency: ISO 4217 letters.
        face_minor: What a coupon gives at most.
        minimum_minor: The least price that a coupon helps to pay.
        count: How many coupons the budget was made for.
        state: ``open`` or ``closed``.
        until_ns: When its coupons expire.
        created_ns: When it was made.
    """

    id: UUID
    reference: str
    institution: int | None
    shop: UUID | None
    title: str
    currency: str
    face_minor: int
    minimum_minor: int
    count: int
    state: str
    until_ns: int
    created_ns: int


@dataclass(frozen=True, slots=True)
class Coupon:
    """A person's coupon.

    Attributes:
        id: Derived from the campaign and the person.
        campaign: Which gave it out.
        party: Whose it is.
        shop: Where it pays; ``None`` is everywhere.
        currency: ISO 4217 letters.
        worth_minor: What it gives at most.
        minimum_minor: The least price that it helps to pay.
        state: ``claimed`` or ``used``.
        reservation: Of its money in the campaign's budget.
        trade: What it has paid.
        until_ns: When it expires.
        claimed_ns: When it was claimed.
        used_ns: When it was used.
    """

    id: UUID
    campaign: UUID
    party: UUID
    shop: UUID | None
    currency: str
    worth_minor: int
    minimum_minor: int
    state: str
    reservation: UUID
    trade: UUID | None
    until_ns: int
    claimed_ns: int
    used_ns: int | None


_CAMPAIGN_COLUMNS = ", ".join(Campaign.__dataclass_fields__)
_COUPON_COLUMNS = ", ".join(Coupon.__dataclass_fields__)
_CAMPAIGN = f"SELECT {_CAMPAIGN_COLUMNS} FROM coupon_campaign WHERE id = %s"  # noqa: S608 - names of our own columns
_CAMPAIGNS = f"""
SELECT {_CAMPAIGN_COLUMNS} FROM coupon_campaign
WHERE created_ns < %s AND ((state = 'open' AND until_ns > %s) OR institution = %s OR shop = %s)
ORDER BY created_ns DESC LIMIT %s
"""  # noqa: S608 - names of our own columns
_COUPON = f"SELECT {_COUPON_COLUMNS} FROM coupon WHERE id = %s"  # noqa: S608 - names of our own columns
_COUPONS = f"""
SELECT {_COUPON_COLUMNS} FROM coupon WHERE party = %s AND claimed_ns < %s ORDER BY claimed_ns DESC LIMIT %s
"""  # noqa: S608 - names of our own columns


def campaign_or_none(conn: psycopg.Connection[Any], campaign: UUID) -> Campaign | None:
    """Return a campaign that the caller may see, if there is one."""
    with conn.cursor(row_factory=class_row(Campaign), binary=True) as cursor:
        return cursor.execute(_CAMPAIGN, (campaign,)).fetchone()


def find_campaign(conn: psycopg.Connection[Any], campaign: UUID) -> Campaign:
    """Return a campaign that the caller may see.

    Rejections: ``campaign_not_found``.
    """
    found = campaign_or_none(conn, campaign)
    if found is None:
        raise no_campaign(campaign)
    return found


def no_campaign(campaign: UUID) -> Rejected:
    """Return the refusal of a campaign that is not there, or not for the caller."""
    return Rejected(
        "campaign_not_found", f"There is no campaign {campaign} for you; list those that are open."
    )


def campaigns_page(
    conn: psycopg.Connection[Any],
    institution: int | None,
    party: UUID | None,
    now_ns: int,
    before_ns: int,
    limit: int,
) -> list[Campaign]:
    """Return the campaigns that are open, and all of the caller's own, the latest first.

    Args:
        conn: In a transaction of the caller.
        institution: Who asks, or
        party: who asks.
        now_ns: The present moment.
        before_ns: Made before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Campaign), binary=True) as cursor:
        return cursor.execute(_CAMPAIGNS, (before_ns, now_ns, institution, party, limit)).fetchall()


def coupon_or_none(conn: psycopg.Connection[Any], coupon: UUID) -> Coupon | None:
    """Return a coupon of the caller, if there is one."""
    with conn.cursor(row_factory=class_row(Coupon), binary=True) as cursor:
        return cursor.execute(_COUPON, (coupon,)).fetchone()


def find_coupon(conn: psycopg.Connection[Any], coupon: UUID) -> Coupon:
    """Return a coupon of the caller.

    Rejections: ``coupon_not_found``.
    """
    found = coupon_or_none(conn, coupon)
    if found is None:
        raise Rejected("coupon_not_found", f"You have no coupon {coupon}; list your coupons.")
    return found


def coupons_page(conn: psycopg.Connection[Any], party: UUID, before_ns: int, limit: int) -> list[Coupon]:
    """Return a person's coupons, the latest first.

    Args:
        conn: In a transaction of the person.
        party: Whose.
        before_ns: Claimed before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Coupon), binary=True) as cursor:
        return cursor.execute(_COUPONS, (party, before_ns, limit)).fetchall()

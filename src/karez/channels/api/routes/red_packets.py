"""Red packets: sending them, taking a share, and seeing who took what."""

import secrets
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body, Query
from karez.channels.api.carrying import carry, content_of, key_of
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    Moment,
    MoneyAmount,
    NewId,
    PageSize,
    PartyId,
    Text,
)
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import IDEMPOTENCY_KEY, OPERATION_REFUSALS
from karez.channels.api.paging import read_page
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.redpackets import operations as red_packets
from karez.services.payments.redpackets.operations import Gift, GrabReceipt, RedPacketReceipt, share_taken
from karez.services.payments.redpackets.records import (
    RedPacket,
    check_visible,
    read_packet,
    sent_packets,
)
from karez.services.payments.redpackets.splitting import SEED_SIZE_BYTES, SHARES_MAX, seed_digest
from karez.services.payments.wallets.records import find_wallet

ShareCount = Annotated[int, Meta(ge=1, le=SHARES_MAX, description="In how many shares.", examples=[5])]
Recipients = Annotated[
    list[PartyId],
    Meta(
        min_length=1,
        max_length=500,
        description="Who may take a share; left out, whoever is given the packet's id.",
    ),
]


class NewRedPacket(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A gift of money in shares.

    Attributes:
        id: Your own new id; it makes retries safe.
        split: `equal`, or `random`: every split to the fen is as likely as any other.
    """

    id: NewId
    currency: CurrencyCode
    amount_minor: MoneyAmount
    share_count: ShareCount
    split: Literal["equal", "random"] = "random"
    greeting: Text | None = None
    recipients: Recipients | None = None


class GrabView(msgspec.Struct, frozen=True, kw_only=True):
    """A share that somebody has taken."""

    party: PartyId
    share: int
    amount_minor: int
    grabbed: Moment


class RedPacketView(msgspec.Struct, frozen=True, kw_only=True):
    """A red packet.

    Attributes:
        state: `open`, `empty` when all shares are taken, `ended` when its time is over.
        left_count: How many shares are left.
        seed_digest: SHA-256 of the seed that has decided the split.
        seed: The seed itself in hexadecimal, as soon as no share can be taken any more.
        returned_minor: What went back to the sender.
        ends: Until when shares can be taken.
        grabs: Who took what; for the sender and for those who took a share.
    """

    id: UUID
    sender: PartyId
    greeting: str | None
    currency: str
    amount_minor: int
    share_count: int
    left_count: int
    split: str
    state: str
    seed_digest: str
    seed: str | None
    returned_minor: int
    sent: Moment
    ends: Moment | None
    grabs: list[GrabView] | None


class RedPacketPage(msgspec.Struct, frozen=True):
    """Red packets that were sent, the latest first."""

    items: list[RedPacketView]
    next_before: Moment | None


class RedPacketsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which packets.

    Attributes:
        before: Sent before this moment.
    """

    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


_EXAMPLE_NEW = {
    "id": EXAMPLE_IDS[7],
    "currency": "CNY",
    "amount_minor": 8_800,
    "share_count": 5,
    "split": "random",
    "greeting": "恭喜发财",
}
_EXAMPLE_RECEIPT = {
    "id": EXAMPLE_IDS[5],
    "currency": "CNY",
    "amount_minor": 8_800,
    "share_count": 5,
    "split": "random",
    "seed_digest": "0b" * 32,
}
_EXAMPLE_GRAB = {"packet": EXAMPLE_IDS[5], "share": 3, "currency": "CNY", "amount_minor": 1_234}
_EXAMPLE = {
    **_EXAMPLE_RECEIPT,
    "sender": EXAMPLE_IDS[6],
    "greeting": "恭喜发财",
    "left_count": 4,
    "state": "open",
    "seed": None,
    "returned_minor": 0,
    "sent": EXAMPLE_MOMENT,
    "ends": EXAMPLE_MOMENT,
    "grabs": [
        {"party": EXAMPLE_IDS[4], "share": 3, "amount_minor": 1_234, "grabbed": EXAMPLE_MOMENT},
    ],
}
_NEW: Body[NewRedPacket] = Body(NewRedPacket, _EXAMPLE_NEW)
_QUERY = Query(RedPacketsQuery)


@post(
    "/v1/red-packets",
    opt={
        KEY: Documentation(
            name="sendRedPacket",
            topic="Red packets",
            summary="Send a red packet from the balance",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR, DEVICE_ID),
            answers={
                201: Answer(
                    "Sent, now or before",
                    RedPacketReceipt,
                    _EXAMPLE_RECEIPT,
                    (Link("packet", "readRedPacket", {"packet_id": "$response.body#/id"}),),
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                *STOPPING_REFUSALS,
                "currency_not_open",
                "amount_too_large",
                "share_too_small",
                "wallet_not_found",
                "wallet_frozen",
                "balance_too_low",
                "payment_limit_exceeded",
                "day_limit_exceeded",
            ),
        )
    },
)
async def send_red_packet(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Send a packet; its split is decided now, by a seed that nobody could know before."""
    body = await _NEW.read(request)
    sender = await party_of(services, caller, request)
    gift = Gift(
        body.currency, body.amount_minor, body.share_count, body.split, body.greeting, body.recipients
    )
    seed = secrets.token_bytes(SEED_SIZE_BYTES)
    device = device_of(services, request)
    reply = await carry(
        services,
        asked(caller, sender, "red_packet.send", content_of(body), body.id),
        lambda: services.database.as_party(sender, lambda conn: find_wallet(conn, sender, body.currency)),
        lambda asking, house, wallet: red_packets.send(asking, house, wallet, gift, seed),
        lambda asking, _: red_packets.gift_attempt(asking, sender, gift, device),
    )
    return to_response(Reply(201, reply))


@post(
    "/v1/red-packets/{packet_id:uuid}/grab",
    status_code=200,
    opt={
        KEY: Documentation(
            name="grabRedPacket",
            topic="Red packets",
            summary="Take a share, one each",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, IDEMPOTENCY_KEY),
            answers={200: Answer("Taken, now or before", GrabReceipt, _EXAMPLE_GRAB)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "red_packet_not_found",
                "red_packet_not_for_you",
                "red_packet_grabbed_before",
                "red_packet_empty",
                "red_packet_ended",
                "red_packet_share_taken",
                "payee_account_not_found",
                "currency_not_open",
            ),
        )
    },
)
async def grab_red_packet(
    request: AnyRequest, packet_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Take a share; where somebody was faster, reach for another one."""
    party = await party_of(services, caller, request)
    try:
        reply = await carry(
            services,
            asked(caller, party, f"red_packet.grab/{packet_id}", b"", key_of(request)),
            lambda: _packet(services, party, packet_id),
            lambda asking, house, packet: red_packets.grab(asking, house, packet, party),
        )
    except Rejected as rejection:
        raise share_taken() if rejection.code == "pending_transfer_already_posted" else rejection from None
    return to_response(Reply(200, reply))


async def _packet(services: Services, party: UUID, packet: UUID) -> RedPacket:
    await services.database.as_party(party, lambda conn: check_visible(conn, packet))
    return await services.database.as_operator(lambda conn: read_packet(conn, packet))


@get(
    "/v1/red-packets/{packet_id:uuid}",
    opt={
        KEY: Documentation(
            name="readRedPacket",
            topic="Red packets",
            summary="Read a red packet",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("The packet", RedPacketView, _EXAMPLE)},
            refusals=(*ACTING_REFUSALS, "red_packet_not_found"),
        )
    },
)
async def read_red_packet(
    request: AnyRequest, packet_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a packet; who took what is for those who took part."""
    party = await party_of(services, caller, request)
    return json_reply(_view(await _packet(services, party, packet_id), party))


@get(
    "/v1/red-packets",
    opt={
        KEY: Documentation(
            name="listRedPackets",
            topic="Red packets",
            summary="List the red packets that a party has sent, the latest first",
            access=Permission.PAYMENTS_READ,
            query=_QUERY,
            headers=(ACTING_FOR,),
            answers={200: Answer("A page", RedPacketPage, {"items": [_EXAMPLE], "next_before": None})},
            refusals=(*ACTING_REFUSALS, "moment_malformed"),
        )
    },
)
async def list_red_packets(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return a page of packets."""
    query = _QUERY.read(request)
    party = await party_of(services, caller, request)
    found, next_before = await read_page(
        services,
        party,
        query,
        lambda conn, before_ns, limit: sent_packets(conn, party, before_ns, limit),
        lambda each: each.sent_ns,
    )
    return json_reply(RedPacketPage([_view(each, party) for each in found], next_before))


def _view(packet: RedPacket, party: UUID) -> RedPacketView:
    left_count = len(packet.free)
    state = "empty" if packet.state == "open" and left_count == 0 else packet.state
    took_part = party == packet.sender or packet.grab_of(party) is not None
    grabs = [
        GrabView(
            party=grab.party,
            share=grab.share,
            amount_minor=grab.amount_minor,
            grabbed=format_moment(grab.grabbed_ns),
        )
        for grab in packet.grabs
    ]
    return RedPacketView(
        id=packet.id,
        sender=packet.sender,
        greeting=packet.greeting,
        currency=packet.currency,
        amount_minor=packet.amount_minor,
        share_count=packet.share_count,
        left_count=left_count,
        split=packet.split,
        state=state,
        seed_digest=seed_digest(bytes.fromhex(packet.seed)),
        seed=None if state == "open" else packet.seed,
        returned_minor=packet.returned_minor,
        sent=format_moment(packet.sent_ns),
        ends=None if packet.due_ns is None else format_moment(packet.due_ns),
        grabs=grabs if took_part else None,
    )


HANDLERS = (send_red_packet, grab_red_packet, read_red_packet, list_red_packets)

"""Sending a red packet, taking a share of it, and giving back what nobody took.

Each share is an account of its own that holds exactly its money. Two people who reach for the same share are told
apart by the book, in the same commit as everybody else; the one who comes second reaches for another share. With one
row that counts the shares, each of 64 people would have to wait for the 63 others, and with one account for all
shares nobody could tell which random share the money of a taker is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.house import DEBITS_LIMITED, House, money_moves
from karez.services.payments.redpackets.records import RedPacket
from karez.services.payments.redpackets.splitting import Split, place_in_line, seed_digest, shares_of
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.trades.timers import later_ns
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet

OPEN_S = 86_400
"""How long shares can be taken."""


@dataclass(frozen=True, slots=True)
class Gift:
    """What a sender wants to give.

    Attributes:
        currency: ISO 4217 letters.
        amount_minor: All of it.
        share_count: In how many shares.
        split: ``equal`` or ``random``.
        greeting: What is written on it.
        recipients: Who may take a share; ``None`` is whoever is given the id.
    """

    currency: str
    amount_minor: int
    share_count: int
    split: Split
    greeting: str | None
    recipients: Sequence[UUID] | None


class RedPacketReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A red packet that was sent.

    Attributes:
        seed_digest: SHA-256 of the seed that has decided the split; the seed is shown when the packet has ended.
    """

    id: UUID
    currency: str
    amount_minor: int
    share_count: int
    split: str
    seed_digest: str


class GrabReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A share that was taken."""

    packet: UUID
    share: int
    currency: str
    amount_minor: int


def share_account(packet: UUID, share: int) -> UUID:
    """Return the account that holds a share until somebody takes it."""
    return derived_id(packet, "share", share)


def send(asking: Asking, house: House, wallet: Wallet, gift: Gift, seed: bytes) -> Operation:
    """Move the money of a red packet out of the sender's wallet, share by share.

    Args:
        asking: The sender's request.
        house: The payment house.
        wallet: The sender's.
        gift: What is given.
        seed: Fresh random bytes.

    Rejections: ``currency_not_open``, ``amount_not_positive``, ``amount_too_large``, ``shares_too_many``,
        ``share_too_small``, ``wallet_frozen``, ``payment_limit_exceeded``; in the book ``exceeds_credits``.
    """
    currency = house.currency(gift.currency)
    check_amount(gift.amount_minor)
    shares = shares_of(gift.split, gift.amount_minor, gift.share_count, seed)
    check_open(wallet)
    check_payment(wallet.level, gift.amount_minor, currency)
    receipt = RedPacketReceipt(
        id=asking.id,
        currency=currency.code,
        amount_minor=gift.amount_minor,
        share_count=gift.share_count,
        split=gift.split,
        seed_digest=seed_digest(seed),
    )
    parties = (wallet.party, *(gift.recipients or ()))
    return asking.operation(
        "red_packet.send",
        receipt,
        accounts=tuple(
            house.account(
                share_account(asking.id, number),
                currency.money,
                AccountCode.RED_PACKET_SHARE,
                flags=DEBITS_LIMITED,
            )
            for number in range(len(shares))
        ),
        transfers=(
            *limit_use(asking, wallet.party, wallet.level, gift.amount_minor, currency),
            *(
                money_moves(
                    asking.made_id("share", number),
                    accounts.wallet(wallet.party, currency.code),
                    share_account(asking.id, number),
                    share_minor,
                    currency.money,
                    TransferCode.RED_PACKET,
                )
                for number, share_minor in enumerate(shares)
            ),
        ),
        rows=(_row(asking, wallet.party, gift, seed),),
        events=(asking.event("red_packet.sent", parties, msgspec.structs.asdict(receipt)),),
    )


def grab(asking: Asking, house: House, packet: RedPacket, party: UUID) -> Operation:
    """Take one of the free shares.

    Args:
        asking: The taker's request.
        house: The payment house.
        packet: With all that was taken of it.
        party: Who takes.

    Rejections: ``red_packet_grabbed_before``, ``red_packet_ended``, ``red_packet_empty``; in the book
        ``exceeds_credits`` where somebody was faster, and ``credit_account_not_found`` where the taker has no wallet.
    """
    if packet.grab_of(party) is not None:
        raise Rejected(
            "red_packet_grabbed_before", "You have taken a share of this red packet; there is one each."
        )
    _check_running(packet, asking.now_ns)
    free = packet.free
    if not free:
        raise Rejected("red_packet_empty", "All shares of this red packet are taken; better luck next time.")
    share = free[place_in_line(bytes.fromhex(packet.seed), str(party), len(free))]
    receipt = GrabReceipt(
        packet=packet.id, share=share, currency=packet.currency, amount_minor=packet.shares[share]
    )
    row = RowInsert(
        table="red_packet_grab",
        key={"packet": str(packet.id), "party": str(party)},
        values={
            "sender": str(packet.sender),
            "share": share,
            "amount_minor": receipt.amount_minor,
            "grabbed_ns": asking.now_ns,
        },
    )
    transfer = _leaves(
        asking, house, packet, share, accounts.wallet(party, packet.currency), TransferCode.RED_PACKET_GRAB
    )
    told = {**msgspec.structs.asdict(receipt), "taker": party}
    return asking.operation(
        "red_packet.grab",
        receipt,
        transfers=(transfer,),
        rows=(row,),
        events=(asking.event("red_packet.grabbed", tuple({packet.sender, party}), told),),
    )


def end(asking: Asking, house: House, packet: RedPacket) -> Operation:
    """Give back what nobody took, because the time is over.

    Args:
        asking: The clock's request.
        house: The payment house.
        packet: With all that was taken of it. If somebody takes another share meanwhile, the book refuses the
            operation and the next sweep decides again.
    """
    free = packet.free
    shares = packet.shares
    sender = accounts.wallet(packet.sender, packet.currency)
    returned_minor = sum(shares[number] for number in free)
    row = RowUpdate(
        table="red_packet",
        key={"id": str(packet.id)},
        expected={"state": "open"},
        changes={
            "state": "ended",
            "returned_minor": returned_minor,
            "due_ns": None,
            "ended_ns": asking.now_ns,
        },
    )
    told = {
        "id": packet.id,
        "currency": packet.currency,
        "grab_count": len(packet.grabs),
        "returned_minor": returned_minor,
    }
    return asking.operation(
        "red_packet.end",
        told,
        transfers=tuple(
            _leaves(asking, house, packet, number, sender, TransferCode.RED_PACKET_RETURN) for number in free
        ),
        rows=(row,),
        events=(asking.event("red_packet.ended", (packet.sender,), told),),
    )


def _check_running(packet: RedPacket, now_ns: int) -> None:
    if packet.due_ns is None or now_ns >= packet.due_ns:
        raise Rejected(
            "red_packet_ended",
            f"Shares can be taken for {OPEN_S // 3_600} hours; what was left of this red packet went back to its "
            "sender.",
        )


def _leaves(
    asking: Asking, house: House, packet: RedPacket, share: int, to: UUID, code: TransferCode
) -> Transfer:
    return money_moves(
        asking.made_id("share", share),
        share_account(packet.id, share),
        to,
        packet.shares[share],
        house.currency(packet.currency).money,
        code,
    )


def _row(asking: Asking, sender: UUID, gift: Gift, seed: bytes) -> RowInsert:
    recipients = gift.recipients
    return RowInsert(
        table="red_packet",
        key={"id": str(asking.id)},
        values={
            "sender": str(sender),
            "recipients": None if recipients is None else f"{{{','.join(map(str, recipients))}}}",
            "greeting": gift.greeting,
            "currency": gift.currency,
            "amount_minor": gift.amount_minor,
            "share_count": gift.share_count,
            "split": gift.split,
            "seed": seed.hex(),
            "state": "open",
            "returned_minor": 0,
            "due_ns": later_ns(asking.now_ns, OPEN_S),
            "sent_ns": asking.now_ns,
            "ended_ns": None,
        },
    )

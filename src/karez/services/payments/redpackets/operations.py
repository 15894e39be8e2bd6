"""Sending a red packet, taking a share of it, and giving back what nobody took.

Each share is a reservation of its own in the sender's wallet. Taking it posts it and passes the money on to the
taker in one operation; what nobody took is released. A reservation ends once, so two people who reach for the same
share, and somebody who reaches while the rest goes back, are told apart by the book; who comes second reaches for
another share. With one row that counts the shares, each of 64 people would have to wait for the 63 others.

On its way a share passes the suspense account, where money waits whose owner is not known yet; nothing stays there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.ledger.model import Transfer, TransferFlags
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.house import House, money_moves
from karez.services.payments.redpackets.records import RedPacket, share_id
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


def send(asking: Asking, house: House, wallet: Wallet, gift: Gift, seed: bytes) -> Operation:
    """Reserve the money of a red packet in the sender's wallet, share by share.

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
        transfers=(
            *limit_use(asking, wallet.party, wallet.level, gift.amount_minor, currency),
            *(
                money_moves(
                    share_id(asking.id, number),
                    accounts.wallet(wallet.party, currency.code),
                    accounts.suspense(currency.code),
                    share_minor,
                    currency.money,
                    TransferCode.RED_PACKET,
                    flags=int(TransferFlags.PENDING),
                )
                for number, share_minor in enumerate(shares)
            ),
        ),
        rows=(_row(asking, wallet.party, gift, seed),),
        events=(asking.event("red_packet.sent", parties, msgspec.structs.asdict(receipt)),),
    )


def gift_attempt(asking: Asking, sender: UUID, gift: Gift, device: Fingerprints) -> PaymentAttempt:
    """Return what the rules against fraud judge before a red packet is sent.

    Who will take a share is not known yet, so all red packets of a sender count as paid to one receiver.

    Args:
        asking: The sender's request.
        sender: Who gives.
        gift: What is given.
        device: On which.
    """
    return PaymentAttempt(
        id=asking.id,
        person=sender,
        shop=derived_id(sender, "red packets"),
        currency=gift.currency,
        amount_minor=gift.amount_minor,
        at_ns=asking.now_ns,
        device=device,
    )


def grab(asking: Asking, house: House, packet: RedPacket, party: UUID) -> Operation:
    """Take one of the free shares.

    Args:
        asking: The taker's request.
        house: The payment house.
        packet: With all that was taken of it.
        party: Who takes.

    Rejections: ``red_packet_not_for_you``, ``red_packet_grabbed_before``, ``red_packet_ended``,
        ``red_packet_empty``; in the book ``pending_transfer_already_posted`` where somebody was faster,
        ``pending_transfer_already_voided`` where the rest has gone back, and ``credit_account_not_found`` where the
        taker has no wallet.
    """
    if packet.recipients is not None and party not in packet.recipients:
        raise Rejected(
            "red_packet_not_for_you", "This red packet is for others; only those whom it names take a share."
        )
    if packet.grab_of(party) is not None:
        raise Rejected(
            "red_packet_grabbed_before", "You have taken a share of this red packet; there is one each."
        )
    _check_running(packet, asking.now_ns)
    free = packet.free
    if not free:
        raise Rejected("red_packet_empty", "All shares of this red packet are taken; better luck next time.")
    share = free[place_in_line(bytes.fromhex(packet.seed), str(party), len(free))]
    amount_minor = packet.shares[share]
    receipt = GrabReceipt(packet=packet.id, share=share, currency=packet.currency, amount_minor=amount_minor)
    row = RowInsert(
        table="red_packet_grab",
        key={"packet": str(packet.id), "party": str(party)},
        values={
            "sender": str(packet.sender),
            "share": share,
            "amount_minor": amount_minor,
            "grabbed_ns": asking.now_ns,
        },
    )
    taken = _settled(asking, packet, share, TransferFlags.POST, amount_minor)
    passed_on = money_moves(
        asking.made_id("grab"),
        accounts.suspense(packet.currency),
        accounts.wallet(party, packet.currency),
        amount_minor,
        house.currency(packet.currency).money,
        TransferCode.RED_PACKET_GRAB,
    )
    told = {**msgspec.structs.asdict(receipt), "taker": party}
    return asking.operation(
        "red_packet.grab",
        receipt,
        transfers=(taken, passed_on),
        rows=(row,),
        events=(asking.event("red_packet.grabbed", tuple({packet.sender, party}), told),),
    )


def end(asking: Asking, packet: RedPacket) -> Operation:
    """Release what nobody took, because the time is over.

    Args:
        asking: The clock's request.
        packet: With all that was taken of it. If somebody takes another share meanwhile, the book refuses the
            operation and the next sweep decides again.
    """
    free = packet.free
    shares = packet.shares
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
        transfers=tuple(_settled(asking, packet, number, TransferFlags.VOID) for number in free),
        rows=(row,),
        events=(asking.event("red_packet.ended", (packet.sender,), told),),
    )


def share_taken() -> Rejected:
    """Return the refusal of somebody who reached for a share again and again, and others were always faster."""
    return Rejected(
        "red_packet_share_taken",
        "Others took the shares that you reached for a moment before you; try again.",
    )


def _check_running(packet: RedPacket, now_ns: int) -> None:
    if packet.due_ns is None or now_ns >= packet.due_ns:
        raise Rejected(
            "red_packet_ended",
            f"Shares can be taken for {OPEN_S // 3_600} hours; what was left of this red packet went back to its "
            "sender.",
        )


def _settled(
    asking: Asking, packet: RedPacket, share: int, how: TransferFlags, amount_minor: int = 0
) -> Transfer:
    return Transfer(
        id=asking.made_id("share", share),
        pending_id=share_id(packet.id, share),
        amount=amount_minor,
        flags=int(how),
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

"""Sending money to a person."""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import TransferCode
from karez.services.payments.fraud.attempts import Fingerprints, PaymentAttempt
from karez.services.payments.house import House, money_moves
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.transfers.records import Payee
from karez.services.payments.wallets.limits import check_payment, limit_use
from karez.services.payments.wallets.operations import check_open
from karez.services.payments.wallets.records import Wallet


@dataclass(frozen=True, slots=True)
class Sending:
    """What a payer wants.

    Attributes:
        currency: ISO 4217 letters.
        amount_minor: How much.
        note: What the payee is to read.
    """

    currency: str
    amount_minor: int
    note: str | None


class MoneyTransferReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Money that was sent, as its payer may see it.

    Attributes:
        to: Who got it, where the payer named them by id.
        payee_name: A part of the name, where the payer named them by phone or email.
    """

    id: UUID
    to: UUID | None
    payee_name: str | None
    currency: str
    amount_minor: int
    note: str | None


def send(asking: Asking, house: House, wallet: Wallet, payee: Payee | None, sending: Sending) -> Operation:
    """Move money from the payer's wallet to the payee's.

    Args:
        asking: The payer's request.
        house: The payment house.
        wallet: The payer's, in the currency.
        payee: Who is to get it; ``None`` where nobody fits who can be paid.
        sending: How much, and what is written with it.

    Rejections: ``payee_not_found``, ``payee_is_payer``, ``currency_not_open``, ``amount_not_positive``,
        ``amount_too_large``, ``wallet_frozen``, ``payment_limit_exceeded``; in the book ``exceeds_credits``, where
        the wallet has too little or the limit of 24 hours is used up.
    """
    currency = house.currency(sending.currency)
    check_amount(sending.amount_minor)
    check_open(wallet)
    check_payment(wallet.level, sending.amount_minor, currency)
    found = _check_payee(payee, wallet.party, sending.currency)
    transfer = money_moves(
        asking.made_id("transfer"),
        accounts.wallet(wallet.party, currency.code),
        accounts.wallet(found.party, currency.code),
        sending.amount_minor,
        currency.money,
        TransferCode.SENDING,
    )
    receipt = MoneyTransferReceipt(
        id=asking.id,
        to=found.party if found.named_by == "id" else None,
        payee_name=found.masked_name,
        currency=currency.code,
        amount_minor=sending.amount_minor,
        note=sending.note,
    )
    told = {"id": asking.id, **_words(sending)}
    return asking.operation(
        "money_transfer.send",
        receipt,
        transfers=(*limit_use(asking, wallet.party, wallet.level, sending.amount_minor, currency), transfer),
        rows=(_row(asking, wallet.party, found, sending),),
        events=(
            # Two, because the payer of a phone number must not learn whose id it is.
            asking.event("money_transfer.sent", (wallet.party,), {**told, "payee_name": found.masked_name}),
            asking.event("money_transfer.received", (found.party,), {**told, "payer": wallet.party}),
        ),
    )


def sending_attempt(
    asking: Asking, payer: UUID, payee: Payee | None, sending: Sending, device: Fingerprints
) -> PaymentAttempt:
    """Return what the rules against fraud judge before money is sent.

    Args:
        asking: The payer's request.
        payer: Who sends it.
        payee: Who is to get it; ``send`` has let them pass.
        sending: How much.
        device: On which it is sent.
    """
    return PaymentAttempt(
        id=asking.id,
        person=payer,
        shop=_check_payee(payee, payer, sending.currency).party,
        currency=sending.currency,
        amount_minor=sending.amount_minor,
        at_ns=asking.now_ns,
        device=device,
    )


def _check_payee(payee: Payee | None, payer: UUID, currency: str) -> Payee:
    if payee is None:
        raise payee_not_found(currency)
    if payee.party == payer:
        raise Rejected("payee_is_payer", "Nobody sends money to themselves; name another person.")
    return payee


def payee_not_found(currency: str) -> Rejected:
    """Return the one refusal for whoever cannot be paid, so that nobody learns which phone numbers are known."""
    return Rejected(
        "payee_not_found",
        f"There is nobody here who can be paid in {currency[:3]}; check how you named them, or ask them to open a "
        "wallet.",
    )


def _row(asking: Asking, payer: UUID, payee: Payee, sending: Sending) -> RowInsert:
    return RowInsert(
        table="money_transfer",
        key={"id": str(asking.id)},
        values={
            "payer": str(payer),
            "payee": str(payee.party),
            "named_by": payee.named_by,
            "payee_name": payee.masked_name,
            **_words(sending),
            "made_ns": asking.now_ns,
        },
    )


def _words(sending: Sending) -> dict[str, Scalar]:
    return {"currency": sending.currency, "amount_minor": sending.amount_minor, "note": sending.note}

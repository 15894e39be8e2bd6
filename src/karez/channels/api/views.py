"""What answers show of the things in the book."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from msgspec import Meta

from karez.channels.api.fields import (
    AccountFlagBits,
    AccountId,
    Amount,
    Code,
    InstitutionNumber,
    Moment,
    PartyId,
    TimeoutSeconds,
    TransferId,
    UnitNumber,
    UserData,
)
from karez.channels.api.moments import format_moment
from karez.core.ids import NIL
from karez.core.outcomes import Rejected
from karez.ledger.model import Balance

Row = tuple[Any, ...]

Total = Annotated[int, Meta(ge=0, description="Minor units of the account's unit.")]
Cursor = Annotated[
    str, Meta(description="Give it as `cursor` to get the next page; null if this is the last one.")
]


class BalanceView(msgspec.Struct, frozen=True, kw_only=True):
    """The totals of an account: what was moved, and what is reserved.

    Attributes:
        debits_pending: Reserved on the debit side.
        debits_posted: Moved out on the debit side.
        credits_pending: Reserved on the credit side.
        credits_posted: Moved in on the credit side.
    """

    debits_pending: Total
    debits_posted: Total
    credits_pending: Total
    credits_posted: Total

    @classmethod
    def of(cls, balance: Balance) -> "BalanceView":
        """Show the totals that the book keeps."""
        return cls(
            debits_pending=balance.debits_pending,
            debits_posted=balance.debits_posted,
            credits_pending=balance.credits_pending,
            credits_posted=balance.credits_posted,
        )


class AccountView(msgspec.Struct, frozen=True, kw_only=True):
    """An account.

    Attributes:
        institution: Whose it is.
        party: The person or shop who holds it, if one does.
        timestamp: When it was opened.
    """

    id: AccountId
    ledger: UnitNumber
    code: Code
    institution: InstitutionNumber
    flags: AccountFlagBits
    party: PartyId | None
    user_data: UserData
    timestamp: Moment

    @classmethod
    def from_row(cls, row: Row) -> "AccountView":
        """Show a row of the table ``account``."""
        id_, ledger, code, institution, flags, party, user_data, timestamp_ns = row
        return cls(
            id=id_,
            ledger=ledger,
            code=code,
            institution=institution,
            flags=flags,
            party=party,
            user_data=user_data,
            timestamp=format_moment(timestamp_ns),
        )


class TransferView(msgspec.Struct, frozen=True, kw_only=True):
    """A transfer that was made.

    Attributes:
        timestamp: When it was committed; no two transfers have the same one.
        amount: What was moved or reserved, also where the request left it to the book.
        flags: As in the request; 1024 marks the end of a reservation that timed out.
        pending_id: The reservation that it settled, if it is a post or void.
        operation_id: The operation that it is part of, if it is.
        debit_institution: Whose account was debited.
        credit_institution: Whose account was credited.
    """

    id: TransferId
    timestamp: Moment
    debit_account_id: AccountId
    credit_account_id: AccountId
    amount: Amount
    ledger: UnitNumber
    code: Code
    flags: Annotated[int, Meta(ge=0, le=2047)]
    pending_id: TransferId | None
    timeout_s: TimeoutSeconds
    user_data: UserData
    operation_id: UUID | None
    debit_institution: InstitutionNumber
    credit_institution: InstitutionNumber

    @classmethod
    def from_row(cls, row: Row) -> "TransferView":
        """Show a row of the table ``transfer``."""
        (
            id_,
            timestamp_ns,
            debit,
            credit,
            amount,
            ledger,
            code,
            flags,
            pending,
            timeout_s,
            user_data,
            *rest,
        ) = row
        operation, debit_institution, credit_institution = rest
        return cls(
            id=id_,
            timestamp=format_moment(timestamp_ns),
            debit_account_id=debit,
            credit_account_id=credit,
            amount=amount,
            ledger=ledger,
            code=code,
            flags=flags,
            pending_id=none_if_nil(pending),
            timeout_s=timeout_s,
            user_data=user_data,
            operation_id=none_if_nil(operation),
            debit_institution=debit_institution,
            credit_institution=credit_institution,
        )


class OperationView(msgspec.Struct, frozen=True, kw_only=True):
    """A request that the book has carried out.

    Attributes:
        id: The `Idempotency-Key` of the request, or what was derived in its place.
        kind: What it was, such as `account.open`.
        institution: For whom.
        actor: Who asked.
        timestamp: When it was committed.
        reply: The answer that the request got, and gets again.
    """

    id: UUID
    kind: str
    institution: int
    actor: str
    timestamp: Moment
    reply: msgspec.Raw

    @classmethod
    def from_row(cls, row: Row) -> "OperationView":
        """Show a row of the table ``operation``."""
        id_, kind, institution, actor, timestamp_ns, reply = row
        return cls(
            id=id_,
            kind=kind,
            institution=institution,
            actor=actor,
            timestamp=format_moment(timestamp_ns),
            reply=msgspec.Raw(reply.encode()),
        )


class UnitView(msgspec.Struct, frozen=True, kw_only=True):
    """What accounts count in: a currency, or anything else that is scarce.

    Attributes:
        code: Its name, such as `CNY` or `COUPON:spring`.
        exponent: Decimal digits of one whole unit: 2 for CNY.
        description: What it is, for people.
    """

    number: UnitNumber
    code: str
    exponent: Annotated[int, Meta(ge=0, le=18)]
    description: str


EXAMPLE_BALANCE = {"debits_pending": 0, "debits_posted": 1250, "credits_pending": 0, "credits_posted": 5000}


def account_not_found(account: UUID) -> Rejected:
    """Return the refusal of an account that is not there for the caller."""
    return Rejected("account_not_found", f"There is no account {account} of yours; look its id up again.")


def none_if_nil(id_: UUID | None) -> UUID | None:
    """The book stores the id of nothing as null or as zeros."""
    return None if id_ == NIL else id_

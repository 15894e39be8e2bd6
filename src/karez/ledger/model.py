"""The ledger's vocabulary: what an account and a transfer are, their flags, and every status.

The model is double entry in TigerBeetle's form: a transfer moves ``amount`` from one account's debit side to
another account's credit side; an account keeps four totals that only grow or move from pending to posted.
A transfer is never changed. A *pending* transfer reserves, a later *post* or *void* settles it.

Worked example: shop S (``debits_must_not_exceed_credits``) was credited 100 and has a pending debit of 40.
Its totals are credits_posted 100, debits_pending 40; another debit of 70 is refused with ``exceeds_credits``
because 40 + 70 > 100. Posting 25 of the 40 leaves debits_pending 0, debits_posted 25.

Source of names and precedence: TigerBeetle's documentation, reference "create_transfers".
"""

from enum import IntEnum, IntFlag
from uuid import UUID

import msgspec
import numpy as np

ID_MAX = 2**128 - 1
AMOUNT_MAX = 2**63 - 1
CODE_MAX = 2**16 - 1
BATCH_MAX = 8_192


class AccountFlags(IntFlag):
    """What an account enforces or keeps."""

    LINKED = 1
    DEBITS_MUST_NOT_EXCEED_CREDITS = 2
    CREDITS_MUST_NOT_EXCEED_DEBITS = 4
    HISTORY = 8


class TransferFlags(IntFlag):
    """How a transfer is meant."""

    LINKED = 1
    PENDING = 2
    POST = 4
    VOID = 8
    BALANCING_DEBIT = 16
    BALANCING_CREDIT = 32
    EXPIRY = 1024


CLIENT_FLAGS = TransferFlags(63)
"""The flags that a caller may set; ``EXPIRY`` is the bookkeeper's own mark on a timed-out pending transfer."""


class Status(IntEnum):
    """The outcome of one transfer, in TigerBeetle's words where TigerBeetle has them."""

    CREATED = 0
    LINKED_EVENT_FAILED = 1
    LINKED_EVENT_CHAIN_OPEN = 2
    RESERVED_FLAG = 3
    AMOUNT_OUT_OF_RANGE = 4
    ID_MUST_NOT_BE_ZERO = 5
    ID_MUST_NOT_BE_INT_MAX = 6
    EXISTS_WITH_DIFFERENT_FLAGS = 7
    EXISTS_WITH_DIFFERENT_PENDING_ID = 8
    EXISTS_WITH_DIFFERENT_TIMEOUT = 9
    EXISTS_WITH_DIFFERENT_DEBIT_ACCOUNT_ID = 10
    EXISTS_WITH_DIFFERENT_CREDIT_ACCOUNT_ID = 11
    EXISTS_WITH_DIFFERENT_AMOUNT = 12
    EXISTS_WITH_DIFFERENT_USER_DATA = 13
    EXISTS_WITH_DIFFERENT_LEDGER = 14
    EXISTS_WITH_DIFFERENT_CODE = 15
    EXISTS = 16
    ID_ALREADY_FAILED = 17
    FLAGS_ARE_MUTUALLY_EXCLUSIVE = 18
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 19
    DEBIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 20
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_ZERO = 21
    CREDIT_ACCOUNT_ID_MUST_NOT_BE_INT_MAX = 22
    ACCOUNTS_MUST_BE_DIFFERENT = 23
    PENDING_ID_MUST_BE_ZERO = 24
    PENDING_ID_MUST_NOT_BE_ZERO = 25
    PENDING_ID_MUST_NOT_BE_INT_MAX = 26
    PENDING_ID_MUST_BE_DIFFERENT = 27
    TIMEOUT_RESERVED_FOR_PENDING_TRANSFER = 28
    LEDGER_MUST_NOT_BE_ZERO = 29
    CODE_MUST_NOT_BE_ZERO = 30
    DEBIT_ACCOUNT_NOT_FOUND = 31
    CREDIT_ACCOUNT_NOT_FOUND = 32
    ACCOUNTS_MUST_HAVE_THE_SAME_LEDGER = 33
    TRANSFER_MUST_HAVE_THE_SAME_LEDGER_AS_ACCOUNTS = 34
    PENDING_TRANSFER_NOT_FOUND = 35
    PENDING_TRANSFER_NOT_PENDING = 36
    PENDING_TRANSFER_HAS_DIFFERENT_DEBIT_ACCOUNT_ID = 37
    PENDING_TRANSFER_HAS_DIFFERENT_CREDIT_ACCOUNT_ID = 38
    PENDING_TRANSFER_HAS_DIFFERENT_LEDGER = 39
    PENDING_TRANSFER_HAS_DIFFERENT_CODE = 40
    EXCEEDS_PENDING_TRANSFER_AMOUNT = 41
    PENDING_TRANSFER_HAS_DIFFERENT_AMOUNT = 42
    PENDING_TRANSFER_ALREADY_POSTED = 43
    PENDING_TRANSFER_ALREADY_VOIDED = 44
    PENDING_TRANSFER_EXPIRED = 45
    OVERFLOWS_DEBITS_PENDING = 46
    OVERFLOWS_CREDITS_PENDING = 47
    OVERFLOWS_DEBITS_POSTED = 48
    OVERFLOWS_CREDITS_POSTED = 49
    OVERFLOWS_DEBITS = 50
    OVERFLOWS_CREDITS = 51
    EXCEEDS_CREDITS = 52
    EXCEEDS_DEBITS = 53
    ID_RESERVED = 54

    @property
    def code(self) -> str:
        """The stable name that callers see, for example ``exceeds_credits``."""
        return self.name.lower()


TRANSIENT = frozenset(
    {
        Status.DEBIT_ACCOUNT_NOT_FOUND,
        Status.CREDIT_ACCOUNT_NOT_FOUND,
        Status.PENDING_TRANSFER_NOT_FOUND,
        Status.EXCEEDS_CREDITS,
        Status.EXCEEDS_DEBITS,
    }
)
"""Refusals that another state of the book would not have made: their transfer id is spent for ever."""


TRANSFER_DTYPE = np.dtype(
    [
        ("id_hi", "<u8"),
        ("id_lo", "<u8"),
        ("debit_hi", "<u8"),
        ("debit_lo", "<u8"),
        ("credit_hi", "<u8"),
        ("credit_lo", "<u8"),
        ("pending_hi", "<u8"),
        ("pending_lo", "<u8"),
        ("amount", "<i8"),
        ("user_data", "<i8"),
        ("ledger", "<i4"),
        ("code", "<i4"),
        ("flags", "<i4"),
        ("timeout_s", "<i4"),
    ]
)
"""One transfer as 96 bytes, in memory and on the bookkeeper's socket. An id is its two 64-bit halves; zero
means none. The amount of a post may be ``AMOUNT_MAX`` and that of a void 0: the whole pending amount."""


class Transfer(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One transfer as a value.

    Attributes:
        id: The caller's 128-bit id, which makes every retry safe.
        debit_account_id: Account whose debits grow; may be left out for a post or void.
        credit_account_id: Account whose credits grow; may be left out for a post or void.
        amount: Minor units of the ledger's unit; an upper bound for balancing transfers.
        ledger: Number of the unit; may be left out (0) for a post or void.
        code: The caller's reason code, 1 to 65,535.
        flags: ``TransferFlags`` added together.
        pending_id: The pending transfer that a post or void settles.
        timeout_s: Seconds after which a pending transfer is void by itself; 0 means never.
        user_data: Any 63-bit number of the caller's.
    """

    id: UUID
    debit_account_id: UUID = UUID(int=0)
    credit_account_id: UUID = UUID(int=0)
    amount: int = 0
    ledger: int = 0
    code: int = 0
    flags: int = 0
    pending_id: UUID = UUID(int=0)
    timeout_s: int = 0
    user_data: int = 0


class NewAccount(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An account to open.

    Attributes:
        id: The caller's 128-bit id.
        ledger: Number of the unit in which the account counts.
        code: The caller's kind of account, 1 to 65,535.
        institution: Number of the institution to which the account belongs.
        flags: ``AccountFlags`` added together.
        party: The person or shop who holds it, if one does.
        user_data: Any 63-bit number of the caller's.
    """

    id: UUID
    ledger: int
    code: int
    institution: int
    flags: int = 0
    party: UUID | None = None
    user_data: int = 0


class Balance(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The four totals of one account, in minor units."""

    debits_pending: int = 0
    debits_posted: int = 0
    credits_pending: int = 0
    credits_posted: int = 0


_LOW_64 = 2**64 - 1


def transfers_to_array(transfers: "list[Transfer]") -> np.ndarray:
    """Pack transfers into one array of ``TRANSFER_DTYPE``."""
    return np.array(
        [
            (
                t.id.int >> 64,
                t.id.int & _LOW_64,
                t.debit_account_id.int >> 64,
                t.debit_account_id.int & _LOW_64,
                t.credit_account_id.int >> 64,
                t.credit_account_id.int & _LOW_64,
                t.pending_id.int >> 64,
                t.pending_id.int & _LOW_64,
                t.amount,
                t.user_data,
                t.ledger,
                t.code,
                t.flags,
                t.timeout_s,
            )
            for t in transfers
        ],
        dtype=TRANSFER_DTYPE,
    )

"""One world of a recording, kept in a memory book.

Ids of a recording are numbers of its own making, so each gets a number here in the order in which it is first
met; zero ids and the id of all ones keep their meaning, because the ledger refuses them by name.
"""

from collections.abc import Callable, Hashable, Sequence
from uuid import UUID

from karez.cli.recordings.recording import RecordedAccount, RecordedTransfer
from karez.core.ids import NIL
from karez.core.outcomes import Rejected
from karez.ledger.memory_book import MemoryBook
from karez.ledger.model import (
    AMOUNT_MAX,
    ID_MAX,
    AccountFlags,
    NewAccount,
    Status,
    Transfer,
    TransferFlags,
    transfers_to_array,
)

_AMOUNT_ALL = 2**128 - 1
_OUT_OF_RANGE = -1

_ACCOUNT_FLAGS = {flag.name.lower(): int(flag) for flag in AccountFlags if flag.name}
_TRANSFER_FLAGS = {
    **{flag.name.lower(): int(flag) for flag in TransferFlags if flag.name and flag != TransferFlags.EXPIRY},
    "post_pending_transfer": int(TransferFlags.POST),
    "void_pending_transfer": int(TransferFlags.VOID),
}


class World:
    """The accounts and transfers of one world.

    Args:
        accounts: What the world begins with.

    Rejections: ``recording_not_understood``.
    """

    def __init__(self, accounts: Sequence[RecordedAccount]) -> None:
        self._account_numbers = _Numbers()
        self._transfer_numbers = _Numbers()
        self._ledger_numbers = _Numbers()
        self._user_data_numbers = _Numbers()
        self._slots: dict[int, int] = {}
        self._ledgers: dict[int, int] = {}
        for slot, account in enumerate(accounts):
            if account.id in self._slots:
                raise _not_understood(f"the account {account.id} is opened twice; open it once")
            self._slots[account.id] = slot
            self._ledgers[account.id] = self._ledger(account.ledger)
        self._book = MemoryBook(vectorised=True)
        self._book.open([self._new_account(account) for account in accounts])

    def submit(self, transfers: Sequence[RecordedTransfer]) -> list[Status]:
        """Have one batch carried out.

        Args:
            transfers: In order.

        Rejections: ``recording_not_understood``.
        """
        if not transfers:
            return []
        return self._book.submit(transfers_to_array([self._transfer(each) for each in transfers]))

    def totals(self, account: int) -> list[int] | None:
        """Return debits pending and posted, credits pending and posted; ``None`` if there is no such account."""
        slot = self._slots.get(account)
        if slot is None:
            return None
        balance = self._book.columns.balance(slot)
        return [
            balance.debits_pending,
            balance.debits_posted,
            balance.credits_pending,
            balance.credits_posted,
        ]

    def _new_account(self, account: RecordedAccount) -> NewAccount:
        return NewAccount(
            id=self._account_numbers.uuid(account.id),
            ledger=self._ledgers[account.id],
            code=account.code,
            institution=1,
            flags=_flags(account.flags, _ACCOUNT_FLAGS),
        )

    def _transfer(self, recorded: RecordedTransfer) -> Transfer:
        flags = _flags(recorded.flags, _TRANSFER_FLAGS)
        settling = flags & (TransferFlags.POST | TransferFlags.VOID)
        if recorded.ledger is not None:
            ledger = self._ledger(recorded.ledger)
        elif settling:
            ledger = 0
        else:
            ledger = self._ledgers.get(-1 if recorded.debit is None else recorded.debit, 1)
        user_data = (recorded.user_data_128, recorded.user_data_64, recorded.user_data_32)
        return Transfer(
            id=_id(recorded.id, self._transfer_numbers.uuid),
            debit_account_id=self._account(recorded.debit),
            credit_account_id=self._account(recorded.credit),
            amount=_amount(recorded.amount),
            ledger=ledger,
            code=recorded.code,
            flags=flags,
            pending_id=_id(recorded.pending, self._transfer_numbers.uuid),
            timeout_s=recorded.timeout,
            user_data=self._user_data_numbers.number(user_data) if any(user_data) else 0,
        )

    def _account(self, id_: int | None) -> UUID:
        """Zero is the zero id, unless the recording opened an account of that number."""
        if id_ == 0 and 0 in self._slots:
            return self._account_numbers.uuid(0)
        return _id(id_, self._account_numbers.uuid)

    def _ledger(self, ledger: int) -> int:
        return self._ledger_numbers.number(ledger) if ledger else 0


class _Numbers:
    """Gives every value its number, from 1, in the order of first meeting."""

    def __init__(self) -> None:
        self._numbers: dict[Hashable, int] = {}

    def number(self, value: Hashable) -> int:
        return self._numbers.setdefault(value, len(self._numbers) + 1)

    def uuid(self, value: Hashable) -> UUID:
        return UUID(int=self.number(value))


def _id(id_: int | None, uuid: Callable[[int], UUID]) -> UUID:
    if not id_:
        return NIL
    return UUID(int=ID_MAX) if id_ == ID_MAX else uuid(id_)


def _amount(amount: int) -> int:
    """A recording's amounts have 128 bits; the greatest one means "all" and keeps that meaning here."""
    if amount == _AMOUNT_ALL:
        return AMOUNT_MAX
    return amount if 0 <= amount <= AMOUNT_MAX else _OUT_OF_RANGE


def _flags(names: Sequence[str], known: dict[str, int]) -> int:
    flags = 0
    for name in names:
        if name not in known:
            raise _not_understood(f"this ledger has no flag {name!r}; it has {', '.join(known)}")
        flags |= known[name]
    return flags


def _not_understood(reason: str) -> Rejected:
    return Rejected("recording_not_understood", reason)

"""Random histories of the real bookkeeper, followed by the plain book."""

from collections.abc import Sequence
from uuid import UUID

import numpy as np

from karez.core.clock import SimulatedClock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.group import Submission, TransferOutcome, TransferSubmission
from karez.ledger.model import AMOUNT_MAX, AccountFlags, NewAccount, Status, Transfer, TransferFlags
from karez.ledger.operations import Operation, Outcome
from karez.storage.database import Database, connect
from tests.ledger.making import BANK, CNY, COUPON, SHOP, START_NS, operation, settle, submission, transfer
from tests.ledger.plain_book import PlainBook

ANN, BOB = UUID(int=101), UUID(int=102)
_LIMITS = (0, 0, AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS, AccountFlags.CREDITS_MUST_NOT_EXCEED_DEBITS)
_NEW_TRANSFERS = (
    "SELECT id, timestamp_ns, pending_id FROM transfer WHERE timestamp_ns > %s ORDER BY timestamp_ns"
)


class History:
    """A book with accounts of two institutions, three holders and two units, and what happens in it.

    Attributes:
        accounts: All accounts; every fourth counts coupons.
        plain: What they must show.
    """

    def __init__(self, book: Bookkeeper, database: Database, clock: SimulatedClock, seed: int = 0) -> None:
        self._book, self._clock = book, clock
        self._owner = connect(database.owner)
        self._rng = np.random.default_rng(seed)
        new = tuple(self._new_account(number) for number in range(16))
        self.commit(operation(accounts=new))
        self.accounts = [account.id for account in new]
        self._by_unit = {
            unit: [account.id for account in new if account.ledger == unit] for unit in (CNY, COUPON)
        }
        self.plain = PlainBook(self.accounts)
        self.newest_ns = 0
        self._asked: dict[UUID, Transfer] = {}
        self._operation_of: dict[UUID, UUID] = {}
        self._reservations: list[UUID] = []

    def __enter__(self) -> "History":
        return self

    def __exit__(self, *error: object) -> None:
        self._owner.close()

    @staticmethod
    def _new_account(number: int) -> NewAccount:
        return NewAccount(
            id=new_id(START_NS),
            ledger=COUPON if number % 4 == 3 else CNY,
            code=1,
            institution=BANK if number % 3 else SHOP,
            flags=int(_LIMITS[number // 4]),
            party=(None, ANN, BOB)[number % 3],
        )

    def commit(self, *submissions: Submission) -> list[Outcome | TransferOutcome]:
        """Commit submissions of which none has to wait."""
        outcomes = self._book.commit(list(submissions))
        known = [outcome for outcome in outcomes if isinstance(outcome, Outcome | TransferOutcome)]
        assert len(known) == len(outcomes)
        return known

    def go_on(self, steps: int = 1) -> None:
        """Let some time pass and something happen: now and then a reservation runs out, some are refused."""
        for _ in range(steps):
            self._clock.advance(float(self._rng.integers(0, 4)))
            single = [self._random_submission() for _ in range(int(self._rng.integers(1, 4)))]
            self._follow(single, self.commit(*single))

    def _follow(
        self, submissions: Sequence[Submission], outcomes: Sequence[Outcome | TransferOutcome]
    ) -> None:
        """Take over what the book has accepted, in the order in which it has."""
        accepted = set()
        for submitted, outcome in zip(submissions, outcomes, strict=True):
            if isinstance(outcome, TransferOutcome):
                assert isinstance(submitted, TransferSubmission)
                ids = [
                    UUID(int=hi << 64 | lo)
                    for hi, lo in submitted.transfers[["id_hi", "id_lo"]][
                        outcome.status == Status.CREATED
                    ].tolist()
                ]
                accepted.update(ids)
            elif outcome.accepted:
                assert isinstance(submitted, Operation)
                accepted.update(each.id for each in submitted.transfers)
        for id_, timestamp_ns, pending_id in self._owner.execute(_NEW_TRANSFERS, (self.newest_ns,)):
            expiry = Transfer(id=id_, pending_id=pending_id, flags=int(TransferFlags.VOID))
            asked = self._asked.get(id_, expiry)
            assert (id_ in accepted) == (asked is not expiry)
            accepted.discard(id_)
            self.plain.apply(timestamp_ns, asked, self._operation_of.get(id_))
            self.newest_ns = timestamp_ns
            if asked.flags & TransferFlags.PENDING:
                self._reservations.append(id_)
        assert not accepted, "acknowledged but not in the book"

    def _random_submission(self) -> Submission:
        transfers = [self._random_transfer() for _ in range(int(self._rng.integers(1, 25)))]
        self._asked.update((each.id, each) for each in transfers)
        if self._rng.random() < 0.3:
            whole = operation(transfers=tuple(transfers[:3]))
            self._operation_of.update((each.id, whole.id) for each in whole.transfers)
            return whole
        return submission(*transfers)

    def _random_transfer(self) -> Transfer:
        rng = self._rng
        kind = rng.random()
        if kind < 0.25 and self._reservations:
            pending = self._reservations[int(rng.integers(0, len(self._reservations)))]
            if kind < 0.08:
                return settle(pending, TransferFlags.VOID, 0)
            return settle(
                pending, TransferFlags.POST, AMOUNT_MAX if kind < 0.16 else int(rng.integers(0, 100))
            )
        accounts = self._by_unit[unit := CNY if rng.random() < 0.8 else COUPON]
        debit, credit = rng.choice(len(accounts), 2, replace=False).tolist()
        flags = TransferFlags(0)
        if kind < 0.55:
            flags |= TransferFlags.PENDING
        elif kind < 0.6:
            flags |= TransferFlags.BALANCING_DEBIT
        if rng.random() < 0.1:
            flags |= TransferFlags.LINKED
        timeout_s = int(rng.integers(1, 12)) if flags & TransferFlags.PENDING and rng.random() < 0.4 else 0
        return transfer(
            accounts[debit],
            accounts[credit],
            int(rng.integers(0, 200)),
            flags,
            timeout_s=timeout_s,
            ledger=unit,
        )

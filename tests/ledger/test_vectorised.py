"""Vectorised evaluation must be indistinguishable from one transfer at a time."""

from dataclasses import dataclass
from uuid import UUID

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from karez.core.ids import derived_id, new_id
from karez.ledger.batch import TRUSTED, Batch, Known
from karez.ledger.columns import AccountColumns
from karez.ledger.memory_book import MemoryBook
from karez.ledger.model import (
    AMOUNT_MAX,
    TRANSFER_DTYPE,
    AccountFlags,
    NewAccount,
    Status,
    Transfer,
    TransferFlags,
    transfers_to_array,
)
from karez.ledger.transfer_fields import TransferFields
from karez.ledger.vectorised import evaluate

SECOND_NS = 1_000_000_000
ORDINARY = [0, 0, 0, 0, 2]
SPECIAL = [2, 4, 8, 4, 8, 16, 32, 18, 48, 6, 64]


def account_id(number: int) -> UUID:
    return UUID(int=(1 << 100) + number)


def open_accounts(book: MemoryBook, flags: list[int]) -> None:
    book.open(
        [
            NewAccount(
                id=account_id(number), ledger=2 if number % 12 == 11 else 1, code=1, institution=1, flags=flag
            )
            for number, flag in enumerate(flags)
        ]
    )


@dataclass(frozen=True)
class World:
    """What kind of day it is.

    Attributes:
        account_count: Few accounts are hot, many are mostly certain.
        trouble: Share of transfers that are special in some way, 0 to 1.
        large: Whether some amounts are near the limit of 63 bits.
    """

    account_count: int
    trouble: float
    large: bool

    def account_flags(self, rng: np.random.Generator) -> list[int]:
        flags: list[int] = rng.choice([0, 0, 2, 4, 8], self.account_count).tolist()
        return flags

    def batch(self, rng: np.random.Generator, size: int, next_id: int) -> NDArray[np.void]:
        """Transfers of which some repeat ids, form chains, settle others of this and earlier batches."""
        batch = np.zeros(size, TRANSFER_DTYPE)
        batch["id_hi"] = 1
        batch["id_lo"] = next_id + np.arange(size)
        repeated = rng.random(size) < 0.1 * self.trouble
        batch["id_lo"][repeated] = rng.integers(max(1, next_id - 100), next_id + size, repeated.sum())
        for side in ("debit", "credit"):
            batch[side + "_hi"] = 1 << 36
            batch[side + "_lo"] = rng.integers(0, self.account_count + (self.trouble > 0.5), size)
        batch["amount"] = rng.integers(0, 200, size)
        if self.large:
            huge = rng.random(size) < 0.3
            batch["amount"][huge] = rng.integers(AMOUNT_MAX // 4, AMOUNT_MAX, huge.sum())
        self._make_trouble(rng, batch, next_id)
        return batch

    def _make_trouble(self, rng: np.random.Generator, batch: NDArray[np.void], next_id: int) -> None:
        size = len(batch)

        def some(share: float) -> NDArray[np.bool_]:
            return rng.random(size) < share * self.trouble

        batch["ledger"] = np.where(some(0.05), rng.integers(0, 3, size), 1)
        batch["code"] = np.where(some(0.03), 0, 1)
        batch["user_data"] = some(0.05)
        batch["flags"] = np.where(some(0.6), rng.choice(SPECIAL, size), rng.choice(ORDINARY, size))
        batch["flags"] |= some(0.15)
        batch["timeout_s"][(batch["flags"] & 2 != 0) & (rng.random(size) < 0.5)] = 3
        batch["timeout_s"][some(0.01)] = 3
        settling = (batch["flags"] & 12) != 0
        batch["pending_hi"][settling] = 1
        batch["pending_lo"][settling] = rng.integers(max(1, next_id - 50), next_id + size, settling.sum())
        vague = settling & (rng.random(size) < 0.8)
        for name in ("debit_hi", "debit_lo", "credit_hi", "credit_lo", "ledger", "code"):
            batch[name][vague] = 0
        whole = settling & (rng.random(size) < 0.5)
        batch["amount"][whole] = np.where(batch["flags"][whole] & 4, AMOUNT_MAX, 0)


WORLDS = st.builds(
    World,
    account_count=st.sampled_from([3, 13, 60, 400]),
    trouble=st.sampled_from([0.0, 0.02, 0.1, 1.0]),
    large=st.sampled_from([False, False, True]),
)


def run_both_ways(world: World, rng: np.random.Generator, sizes: list[int]) -> None:
    books = MemoryBook(vectorised=True), MemoryBook(vectorised=False)
    flags = world.account_flags(rng)
    for book in books:
        open_accounts(book, flags)
    next_id = 1
    for size in sizes:
        batch = world.batch(rng, size, next_id)
        next_id += size
        later_ns = int(rng.integers(0, 4)) * SECOND_NS
        statuses = [book.submit(batch.copy(), later_ns) for book in books]
        assert statuses[0] == statuses[1]
        np.testing.assert_array_equal(books[0].columns.totals, books[1].columns.totals)
        assert not books[0].columns.scratch.any()
    assert_sound(books[0].columns)


@settings(max_examples=200, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    world=WORLDS,
    sizes=st.lists(st.integers(1, 400), min_size=3, max_size=8),
)
def test_vectorised_evaluation_equals_one_transfer_at_a_time(
    seed: int, world: World, sizes: list[int]
) -> None:
    run_both_ways(world, np.random.default_rng(seed), sizes)


@pytest.mark.parametrize(
    "world",
    [World(400, 0.01, False), World(60, 0.1, True), World(3, 0.3, False), World(13, 1.0, True)],
    ids=["calm", "large", "hot", "adversarial"],
)
def test_a_long_random_day_gives_the_same_book_both_ways(world: World) -> None:
    rng = np.random.default_rng(7)
    run_both_ways(world, rng, rng.integers(1, 3_000, 20).tolist())


def assert_sound(columns: AccountColumns) -> None:
    totals = columns.totals[:, : len(columns)].astype(object)
    debits_pending, debits_posted, credits_pending, credits_posted = totals
    assert (columns.totals >= 0).all()
    assert sum(debits_posted) == sum(credits_posted)
    assert sum(debits_pending) == sum(credits_pending)
    limited = columns.flags[: len(columns)] & AccountFlags.DEBITS_MUST_NOT_EXCEED_CREDITS != 0
    assert (debits_pending + debits_posted <= credits_posted)[limited].all()
    assert (debits_pending + debits_posted <= AMOUNT_MAX).all()


def test_a_batch_taken_back_leaves_no_trace() -> None:
    rng = np.random.default_rng(5)
    book = MemoryBook()
    world = World(60, 0.1, False)
    open_accounts(book, world.account_flags(rng))
    book.submit(world.batch(rng, 500, 1))
    before = book.columns.totals.copy()
    transfers = world.batch(rng, 500, 501)
    batch = Batch(
        TransferFields.of(transfers),
        book.columns.index.find(transfers["debit_hi"], transfers["debit_lo"]),
        book.columns.index.find(transfers["credit_hi"], transfers["credit_lo"]),
        np.arange(500) == 499,
        np.full(500, TRUSTED, np.int32),
        np.ones(500, bool),
        np.arange(10**9, 10**9 + 500),
    )
    evaluation = evaluate(book.columns, batch, Known())
    assert not (book.columns.totals == before).all()
    evaluation.take_back()
    np.testing.assert_array_equal(book.columns.totals, before)


@pytest.mark.parametrize("count", [1, 500])
def test_only_karez_itself_gives_transfers_ids_that_it_derives(count: int) -> None:
    book = MemoryBook()
    open_accounts(book, [0, 0])
    ids = [new_id(number) if number % 3 else derived_id(new_id(number), "leg") for number in range(count)]
    fields = TransferFields.of(
        transfers_to_array([msgspec.structs.replace(one(1, 0, 1, 5), id=id_) for id_ in ids])
    )
    debit, credit = book.columns.index.find(fields.account_hi, fields.account_lo)
    for institution, refused in ((TRUSTED, []), (1, ids[::3])):
        batch = Batch(
            fields,
            debit,
            credit,
            np.ones(count, bool),
            np.full(count, institution, np.int32),
            np.zeros(count, bool),
            np.arange(10**9, 10**9 + count),
        )
        status = evaluate(book.columns, batch, Known()).status
        assert [id_ for id_, each in zip(ids, status, strict=True) if each == Status.ID_RESERVED] == refused
        assert np.count_nonzero(status == Status.CREATED) == count - len(refused)


def one(number: int, debit: int, credit: int, amount: int, flags: int = 0, **more: int) -> Transfer:
    return Transfer(
        id=UUID(int=number),
        debit_account_id=account_id(debit),
        credit_account_id=account_id(credit),
        amount=amount,
        ledger=1,
        code=1,
        flags=flags,
        pending_id=UUID(int=more.get("pending", 0)),
        timeout_s=more.get("timeout_s", 0),
    )


def settle(number: int, pending: int, flags: TransferFlags, amount: int) -> Transfer:
    return Transfer(id=UUID(int=number), pending_id=UUID(int=pending), flags=int(flags), amount=amount)


def submit(book: MemoryBook, *transfers: Transfer, later_ns: int = 0) -> list[Status]:
    return book.submit(transfers_to_array(list(transfers)), later_ns)


@pytest.fixture
def book() -> MemoryBook:
    book = MemoryBook()
    open_accounts(book, [0, 2, 4] + [0] * 9)
    return book


def test_a_limited_account_never_spends_more_than_it_has(book: MemoryBook) -> None:
    assert submit(book, one(1, 0, 1, 100), one(2, 1, 0, 60), one(3, 1, 0, 60)) == [
        Status.CREATED,
        Status.CREATED,
        Status.EXCEEDS_CREDITS,
    ]


def test_a_refused_id_is_spent_even_when_the_money_comes_later(book: MemoryBook) -> None:
    assert submit(book, one(1, 1, 0, 10)) == [Status.EXCEEDS_CREDITS]
    assert submit(book, one(2, 0, 1, 10)) == [Status.CREATED]
    assert submit(book, one(1, 1, 0, 10)) == [Status.ID_ALREADY_FAILED]


def test_a_refused_id_is_spent_within_its_own_batch(book: MemoryBook) -> None:
    assert submit(book, one(1, 1, 0, 10), one(2, 0, 1, 10), one(1, 1, 0, 10)) == [
        Status.EXCEEDS_CREDITS,
        Status.CREATED,
        Status.ID_ALREADY_FAILED,
    ]


def test_a_reservation_may_be_posted_in_its_own_batch(book: MemoryBook) -> None:
    assert (
        submit(
            book, one(1, 0, 3, 5, TransferFlags.PENDING), settle(2, 1, TransferFlags.POST, 5), one(3, 0, 4, 1)
        )
        == [Status.CREATED] * 3
    )


def test_an_amount_beyond_63_bits_is_refused_and_never_wraps(book: MemoryBook) -> None:
    assert submit(book, one(1, 0, 3, AMOUNT_MAX)) == [Status.CREATED]
    assert submit(book, one(2, 0, 4, 1), one(3, 5, 3, 1)) == [
        Status.OVERFLOWS_DEBITS_POSTED,
        Status.OVERFLOWS_CREDITS_POSTED,
    ]


def test_a_partial_post_releases_the_rest(book: MemoryBook) -> None:
    submit(book, one(1, 0, 1, 100), one(2, 1, 3, 40, TransferFlags.PENDING))
    assert submit(book, settle(3, 2, TransferFlags.POST, 25)) == [Status.CREATED]
    balance = book.columns.balance(1)
    assert (balance.debits_pending, balance.debits_posted) == (0, 25)
    assert submit(book, settle(4, 2, TransferFlags.VOID, 0)) == [Status.PENDING_TRANSFER_ALREADY_POSTED]


def test_a_reservation_cannot_be_posted_after_its_time(book: MemoryBook) -> None:
    submit(book, one(1, 0, 3, 5, TransferFlags.PENDING, timeout_s=2))
    assert submit(book, settle(2, 1, TransferFlags.POST, 5), later_ns=3 * SECOND_NS) == [
        Status.PENDING_TRANSFER_EXPIRED
    ]


def test_a_balancing_transfer_takes_what_is_left(book: MemoryBook) -> None:
    submit(book, one(1, 0, 1, 70))
    assert submit(book, one(2, 1, 3, AMOUNT_MAX, TransferFlags.BALANCING_DEBIT)) == [Status.CREATED]
    assert book.columns.balance(3).credits_posted == 70
    assert submit(book, one(2, 1, 3, AMOUNT_MAX, TransferFlags.BALANCING_DEBIT)) == [Status.EXISTS]


def test_a_chain_that_fails_leaves_nothing_of_its_parts(book: MemoryBook) -> None:
    linked = TransferFlags.LINKED
    assert submit(book, one(1, 0, 1, 50, linked), one(2, 1, 3, 50, linked), one(3, 1, 4, 1)) == [
        Status.LINKED_EVENT_FAILED,
        Status.LINKED_EVENT_FAILED,
        Status.EXCEEDS_CREDITS,
    ]
    assert not book.columns.totals.any()


def test_a_chain_left_open_at_the_end_of_a_batch_fails(book: MemoryBook) -> None:
    assert submit(book, one(1, 0, 3, 5, TransferFlags.LINKED)) == [Status.LINKED_EVENT_CHAIN_OPEN]

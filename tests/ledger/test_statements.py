"""Statements and balances are complete at once and right at every moment, whoever asks and however far the
projection has come."""

import asyncio
from collections.abc import Iterator
from itertools import pairwise
from typing import Any
from uuid import UUID

import numpy as np
import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.core.outcomes import Rejected
from karez.ledger.balances import balance, balances, trial_balance
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.model import Balance
from karez.ledger.projection import project_entries
from karez.ledger.questions import Question, ask, ask_async
from karez.ledger.statements import Entry, StatementPage, statement_page
from karez.storage.database import Database, connect, connect_async
from karez.storage.tenant import as_institution, as_operator, as_operator_async, as_person
from tests.ledger.histories import ANN, BOB, History
from tests.ledger.making import BANK, CNY, COUPON, SHOP
from tests.ledger.plain_book import Line

Connection = psycopg.Connection[Any]


@pytest.fixture
def worker(furnished: Database) -> Iterator[Connection]:
    with connect(furnished.worker) as connection:
        yield connection


@pytest.fixture
def web(furnished: Database) -> Iterator[Connection]:
    with connect(furnished.web) as connection:
        yield connection


@pytest.fixture
def history(book: Bookkeeper, furnished: Database, clock: SimulatedClock) -> Iterator[History]:
    with History(book, furnished, clock) as history:
        yield history


def page(web: Connection, account: UUID, **more: Any) -> StatementPage:
    with as_operator(web):
        return ask(web, statement_page(account, **more))


def whole_statement(web: Connection, account: UUID, limit: int = 500, **more: Any) -> list[Entry]:
    entries: list[Entry] = []
    cursor = None
    while True:
        part = page(web, account, cursor=cursor, limit=limit, **more)
        entries += part.entries
        if part.next_cursor is None:
            return entries
        assert len(part.entries) == limit
        assert part.next_cursor != cursor
        cursor = part.next_cursor


def lines(entries: list[Entry]) -> list[Line]:
    return [
        Line(
            each.timestamp_ns,
            each.transfer_id,
            each.operation_id,
            each.counterparty,
            each.side,
            each.amount,
            each.balance_after,
        )
        for each in entries
    ]


@pytest.mark.parametrize("seed", range(6))
def test_statements_and_balances_show_what_happened(
    book: Bookkeeper,
    furnished: Database,
    clock: SimulatedClock,
    worker: Connection,
    web: Connection,
    seed: int,
) -> None:
    rng = np.random.default_rng(seed)
    with History(book, furnished, clock, seed) as history:
        for _ in range(4):
            history.go_on(6)
            project_entries(worker, int(rng.integers(0, 200)))
            assert_shown(web, history, rng)


def assert_shown(web: Connection, history: History, rng: np.random.Generator) -> None:
    plain = history.plain
    for account in history.accounts:
        limit = int(rng.integers(1, 40))
        assert lines(whole_statement(web, account, limit, newest_first=False)) == plain.lines[account]
        assert lines(whole_statement(web, account, limit)) == plain.lines[account][::-1]
    moments = [line.timestamp_ns for account in history.accounts for line in plain.lines[account]]
    for at_ns in (0, history.newest_ns, *rng.choice(moments, 3).tolist()):
        with as_operator(web):
            shown = ask(web, balances(history.accounts, at_ns))
            totals = ask(web, trial_balance(at_ns))
        assert shown == {account: plain.balance(account, at_ns) for account in history.accounts}
        assert all(line.is_balanced for line in totals)
        assert sum(line.debits_posted for line in totals) == sum(
            each.debits_posted for each in shown.values()
        )
        assert sum(line.debits_pending for line in totals) == sum(
            each.debits_pending for each in shown.values()
        )


def test_an_entry_reads_the_same_before_and_after_it_is_projected(
    history: History, worker: Connection, web: Connection
) -> None:
    history.go_on(30)
    before = {account: whole_statement(web, account) for account in history.accounts}
    while project_entries(worker, 100):
        after = {account: whole_statement(web, account) for account in history.accounts}
        assert after == before
    assert any(before.values())


def test_an_answer_stays_right_when_the_projection_goes_on_meanwhile(
    history: History, worker: Connection, web: Connection
) -> None:
    history.go_on(20)
    project_entries(worker, 100)
    row = worker.execute("SELECT watermark_ns FROM projection").fetchone()
    assert row is not None
    questions: list[Question[Any]] = [balances(history.accounts), trial_balance()]
    questions += [statement_page(account, newest_first=False) for account in history.accounts]
    with as_operator(web):
        before = [ask(web, question) for question in questions]
    assert project_entries(worker, 100) == 100
    with as_operator(web):
        for question, answer in zip(questions, before, strict=True):
            parameters = {**question.parameters, "watermark_ns": row[0]}
            assert question.read(web.execute(question.statement, parameters).fetchall()) == answer


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_hold_each_entry_once_while_new_transfers_arrive(
    history: History, worker: Connection, web: Connection, newest_first: bool
) -> None:
    history.go_on(20)
    account = max(history.accounts, key=lambda each: len(history.plain.lines[each]))
    known = list(history.plain.lines[account])
    entries: list[Entry] = []
    cursor = None
    while len(entries) < len(known):
        part = page(web, account, cursor=cursor, limit=7, newest_first=newest_first)
        entries += part.entries
        cursor = part.next_cursor
        history.go_on()
        project_entries(worker, 30)
    shown = lines(entries)[: len(known)]
    assert shown == (known[::-1] if newest_first else known)
    assert all(
        (later.timestamp_ns > earlier.timestamp_ns) != newest_first for earlier, later in pairwise(shown)
    )


def test_a_period_holds_what_happened_from_its_first_to_its_last_moment(
    history: History, worker: Connection, web: Connection
) -> None:
    history.go_on(20)
    project_entries(worker, 100)
    account = max(history.accounts, key=lambda each: len(history.plain.lines[each]))
    expected = history.plain.lines[account][3:-3]
    period = {"first_ns": expected[0].timestamp_ns, "last_ns": expected[-1].timestamp_ns}
    assert lines(whole_statement(web, account, 5, **period)) == expected[::-1]
    assert lines(whole_statement(web, account, 5, newest_first=False, **period)) == expected


@pytest.mark.parametrize("projected", [False, True])
def test_an_institution_sees_the_accounts_of_its_own_only(
    history: History, worker: Connection, web: Connection, projected: bool
) -> None:
    history.go_on(20)
    if projected:
        project_entries(worker, 100_000)
    everything = {account: page(web, account) for account in history.accounts}
    seen: set[UUID] = set()
    for institution in (BANK, SHOP):
        with as_institution(web, institution):
            pages = {account: ask(web, statement_page(account)) for account in history.accounts}
            shown = ask(web, balances(history.accounts))
            totals = ask(web, trial_balance())
        assert {account for account, each in pages.items() if each.entries} <= shown.keys()
        assert all(pages[account] == everything[account] for account in shown)
        assert sum(line.debits_posted for line in totals) == sum(
            each.debits_posted for each in shown.values()
        )
        assert shown.keys().isdisjoint(seen)
        seen |= shown.keys()
        with as_operator(web):
            assert ask(web, trial_balance(institution=institution)) == totals
    assert seen == set(history.accounts)


@pytest.mark.parametrize("projected", [False, True])
def test_a_person_sees_her_own_accounts_only(
    history: History, worker: Connection, web: Connection, projected: bool
) -> None:
    history.go_on(20)
    if projected:
        project_entries(worker, 100_000)
    everything = {account: page(web, account) for account in history.accounts}
    for party, own in ((ANN, history.accounts[1::3]), (BOB, history.accounts[2::3])):
        with as_person(web, party):
            pages = {account: ask(web, statement_page(account)) for account in history.accounts}
            shown = ask(web, balances(history.accounts))
        assert shown.keys() == set(own)
        assert all(pages[account] == everything[account] for account in own)
        assert all(not pages[account].entries for account in history.accounts if account not in own)


def test_without_a_caller_nothing_is_seen(history: History, worker: Connection, web: Connection) -> None:
    history.go_on(5)
    project_entries(worker, 50)
    with as_institution(web, 999):
        assert ask(web, balances(history.accounts)) == {}
        assert ask(web, trial_balance()) == ()
        assert ask(web, statement_page(history.accounts[0])).entries == ()
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ask(web, statement_page(history.accounts[0]))


def test_the_trial_balance_names_each_unit(history: History, web: Connection) -> None:
    history.go_on(20)
    with as_operator(web):
        assert [line.ledger for line in ask(web, trial_balance())] == [CNY, COUPON]


def test_an_account_without_transfers_is_empty(history: History, web: Connection) -> None:
    with as_operator(web):
        assert ask(web, balance(history.accounts[0])) == Balance()
        assert ask(web, balance(UUID(int=5))) is None
        assert ask(web, statement_page(history.accounts[0])) == StatementPage(entries=(), next_cursor=None)


def test_asynchronous_code_gets_the_same_answers(
    history: History, worker: Connection, web: Connection, furnished: Database
) -> None:
    history.go_on(10)
    project_entries(worker, 50)
    account = history.accounts[0]

    async def ask_all() -> tuple[StatementPage, Balance | None]:
        async with await connect_async(furnished.web) as connection, as_operator_async(connection):
            return await ask_async(connection, statement_page(account)), await ask_async(
                connection, balance(account)
            )

    assert asyncio.run(ask_all()) == (page(web, account), history.plain.balance(account))


def test_a_cursor_of_another_account_is_refused(history: History, web: Connection) -> None:
    history.go_on(20)
    first, second = history.accounts[:2]
    cursor = page(web, first, limit=1).next_cursor
    assert cursor is not None
    for wrong in (cursor[:-4], "", "no cursor at all", "日" * 8, "_" * 32):
        with pytest.raises(Rejected) as refused:
            statement_page(first, cursor=wrong)
        assert refused.value.code == "cursor_invalid"
    with pytest.raises(Rejected):
        statement_page(second, cursor=cursor)


@pytest.mark.parametrize("limit", [0, 501])
def test_a_page_has_a_bounded_size(limit: int) -> None:
    with pytest.raises(Rejected) as refused:
        statement_page(ANN, limit=limit)
    assert refused.value.code == "limit_out_of_range"

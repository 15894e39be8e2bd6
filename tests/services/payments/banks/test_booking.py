"""However many workers hear a bank's answer at the same time, and whatever else happens then, it is booked once."""

import asyncio
from collections.abc import Sequence
from typing import Any

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from karez.ledger.client import BookClient
from karez.services.payments.banks.booking import Booker
from karez.services.payments.banks.connector import Answer
from karez.services.payments.banks.leases import Taken, take_instructions
from karez.services.payments.banks.states import Happening, State
from karez.storage.database import connect
from tests.services.payments.banks.desk import SETTLERS, Desk

SUCCESS = Answer(Happening.SUCCESS, "")
REFUSAL = Answer(Happening.DECLINE, "limit_exceeded")


def taken(desk: Desk) -> Taken:
    """Take the one instruction that is due."""
    now_ns = desk.clock.now_ns()
    with connect(desk.office.database.worker) as conn:
        (found,) = take_instructions(conn, {desk.number: 10}, now_ns, now_ns + 60_000_000_000)
    return found


def follow_at_once(desk: Desk, found: Taken, answers: Sequence[Answer]) -> None:
    """Let as many workers have an answer in their hands at the same moment."""

    async def run(pool: ConnectionPool[psycopg.Connection[Any]]) -> None:
        book = BookClient(desk.office.book_socket)
        booker = Booker(pool, book, desk.clock, SETTLERS, lambda: 0.0)
        try:
            await asyncio.gather(*(booker.follow(found, answer) for answer in answers))
        finally:
            book.close()

    with ConnectionPool(
        desk.office.database.worker, min_size=1, max_size=4, kwargs={"autocommit": True}
    ) as pool:
        asyncio.run(run(pool))


@pytest.mark.parametrize("direction", ["collect", "pay_out"])
def test_64_workers_with_the_same_answer_book_it_once(desk: Desk, direction: str) -> None:
    is_in = direction == "collect"
    party = desk.person(0 if is_in else 2_000)
    instruction = desk.instruct("collect" if is_in else "pay_out", party, "A1")
    follow_at_once(desk, taken(desk), [SUCCESS] * 64)
    assert desk.read(instruction).standing is State.SUCCEEDED
    assert (desk.wallet(party), desk.held()) == ((1_000, 1_000) if is_in else (1_000, -1_000))
    assert len(desk.events(instruction)) == 1


@pytest.mark.parametrize("direction", ["collect", "pay_out"])
def test_of_two_words_at_once_the_success_is_booked_whichever_came_first(desk: Desk, direction: str) -> None:
    is_in = direction == "collect"
    party = desk.person(0 if is_in else 2_000)
    instruction = desk.instruct("collect" if is_in else "pay_out", party, "A1")
    follow_at_once(desk, taken(desk), [REFUSAL, SUCCESS] * 8)
    ended = desk.read(instruction)
    assert ended.standing in (State.SUCCEEDED, State.SUCCEEDED_LATE)
    assert desk.held() == (1_000 if is_in else -1_000)
    assert (ended.flagged_ns is not None) is (ended.standing is State.SUCCEEDED_LATE)


def test_no_answer_after_the_success_changes_nothing(desk: Desk) -> None:
    instruction = desk.instruct("collect", desk.person(), "A1")
    found = taken(desk)
    follow_at_once(desk, found, [SUCCESS])
    before = desk.read(instruction)
    for happening in (Happening.NO_ANSWER, Happening.NEVER_SEEN, Happening.PROCESSING, Happening.DECLINE):
        follow_at_once(desk, found, [Answer(happening, "")])
    assert desk.read(instruction) == before
    assert desk.held() == 1_000

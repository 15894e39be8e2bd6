"""Which instructions a worker may call a bank for now, and the record of calls without a decision.

An instruction that is taken is due again when its lease ends, so when the worker dies somebody else asks the bank.
That the row says ``sent`` is committed here, before anything goes to the bank.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.rows import dict_row

from karez.services.payments.banks.records import COLUMNS, Connection, Instruction
from karez.services.payments.banks.schedule import Next
from karez.services.payments.banks.states import Happening, State, reached


@dataclass(frozen=True, slots=True)
class Taken:
    """An instruction that is this worker's until a moment.

    Attributes:
        instruction: As it is now that it is taken.
        sends: Whether the bank is to be sent the order; otherwise it is asked.
        until_ns: From then on others may take it.
    """

    instruction: Instruction
    sends: bool
    until_ns: int


_SENT = reached(State.CREATED, Happening.SENDING)
# Each bank has so many calls at once, so one that does not answer holds up nobody but itself.
_TAKE = f"""
WITH taken AS (
    SELECT due.id, due.state FROM unnest(%(banks)s::integer[], %(free)s::integer[]) lane (bank, free)
    CROSS JOIN LATERAL (
        SELECT id, state FROM bank_instruction WHERE bank = lane.bank AND due_ns <= %(now_ns)s
        ORDER BY due_ns LIMIT lane.free FOR NO KEY UPDATE SKIP LOCKED
    ) due
), leased AS (
    UPDATE bank_instruction i SET
        state = CASE i.state WHEN '{State.CREATED}' THEN '{_SENT}' ELSE i.state END,
        attempts = i.attempts + 1, due_ns = %(until_ns)s
    FROM taken WHERE i.id = taken.id
    RETURNING i.*, taken.state = '{State.CREATED}' AS sends
)
SELECT {COLUMNS}, sends FROM leased
"""  # noqa: S608 - names of our own columns
_NOTE = """
UPDATE bank_instruction SET state = %s, answer_code = %s, due_ns = %s, flagged_ns = %s
WHERE id = %s AND due_ns = %s AND state = %s
"""


def take_instructions(conn: Connection, free: Mapping[int, int], now_ns: int, until_ns: int) -> list[Taken]:
    """Take instructions that are due, and commit that they are taken.

    Args:
        conn: As a worker, outside any transaction.
        free: How many of each bank at most.
        now_ns: The present moment.
        until_ns: Until when they are this worker's.
    """
    parameters = {
        "banks": list(free),
        "free": list(free.values()),
        "now_ns": now_ns,
        "until_ns": until_ns,
    }
    with conn.transaction(), conn.cursor(row_factory=dict_row, binary=True) as cursor:
        rows = cursor.execute(_TAKE, parameters).fetchall()
    return [Taken(Instruction(**row), sends, until_ns) for row in rows for sends in (row.pop("sends"),)]


def note(conn: Connection, taken: Taken, new: State, code: str, next_: Next) -> bool:
    """Record a call that has decided nothing.

    Args:
        conn: As a worker, outside any transaction.
        taken: As it was taken.
        new: The state that the call has led to.
        code: What the bank said, or why there was no answer.
        next_: What comes next.

    Returns:
        Whether the instruction still was this worker's and as it was taken; if not, nothing is written.
    """
    instruction = taken.instruction
    parameters = (
        new,
        code,
        next_.due_ns,
        next_.flagged_ns,
        instruction.id,
        taken.until_ns,
        instruction.state,
    )
    return conn.execute(_NOTE, parameters).rowcount == 1

"""Files to be taken in and comparisons to be made, as work for the background, with progress that can be read.

The id of an import derives from the bank and the file's bytes: a file that is sent again is the import that it was.
Each import that is done asks for a comparison.
"""

import zlib
from dataclasses import dataclass
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.ids import derived_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Place, Sealer
from karez.services.payments.reconciliation.imports import file_id
from karez.storage.selecting import select

Connection = psycopg.Connection[Any]
Kind = Literal["import", "run"]

LEASE_S = 600
"""How long a worker has a job to itself without telling how far it is."""

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class ReconciliationJob:
    """Work for the background.

    Attributes:
        institution: The bank.
        id: Of an import, derived from the file.
        kind: ``import`` or ``run``.
        state: ``waiting``, ``working``, ``done`` or ``refused``.
        done: How many parts are written.
        total: How many there are, once that is known.
        code: Why it was refused.
        sentence: Likewise.
        asked_by: Who asked for it.
        asked_ns: When.
        ended_ns: When it was done or refused.
    """

    institution: int
    id: UUID
    kind: Kind
    state: str
    done: int
    total: int | None
    code: str | None
    sentence: str | None
    asked_by: str
    asked_ns: int
    ended_ns: int | None


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job that is this worker's until a moment.

    Attributes:
        institution: The bank.
        id: Of the job.
        kind: What is to be done.
        content: The sealed file of an import.
        asked_by: Who asked for it.
        until_ns: From then on others may take it.
    """

    institution: int
    id: UUID
    kind: Kind
    content: bytes | None
    asked_by: str
    until_ns: int


_FIND = select(ReconciliationJob, "FROM reconciliation_job WHERE institution = %s AND id = %s")
_LATEST = select(
    ReconciliationJob,
    "FROM reconciliation_job WHERE institution = %s AND asked_ns < %s ORDER BY asked_ns DESC, id LIMIT %s",
)
_ADD = """
INSERT INTO reconciliation_job (institution, id, kind, state, content, done, asked_by, asked_ns, due_ns)
VALUES (%s, %s, %s, 'waiting', %s, 0, %s, %s, %s) ON CONFLICT DO NOTHING
"""
_TAKE = """
UPDATE reconciliation_job SET state = 'working', due_ns = %(until_ns)s
WHERE (institution, id) = (
    SELECT institution, id FROM reconciliation_job WHERE due_ns <= %(now_ns)s
    ORDER BY due_ns LIMIT 1 FOR NO KEY UPDATE SKIP LOCKED
)
RETURNING institution, id, kind, content, asked_by, due_ns AS until_ns
"""
_HELD = "WHERE institution = %(bank)s AND id = %(id)s AND due_ns = %(held_ns)s"
_NOTE = f"UPDATE reconciliation_job SET done = %(done)s, total = %(total)s, due_ns = %(until_ns)s {_HELD}"  # noqa: S608 - our own text
_GIVE_BACK = f"UPDATE reconciliation_job SET state = 'waiting', due_ns = %(due_ns)s {_HELD}"  # noqa: S608 - our own text
_END = f"""
UPDATE reconciliation_job SET state = %(state)s, code = %(code)s, sentence = %(sentence)s, content = NULL,
    done = coalesce(%(done)s, done), total = coalesce(%(done)s, total), due_ns = NULL, ended_ns = %(now_ns)s
{_HELD}
"""  # noqa: S608 - our own text


def ask_for_import(
    conn: Connection, sealer: Sealer, bank: int, data: bytes, asked_by: str, now_ns: int
) -> ReconciliationJob:
    """Have a bank's file taken in, and return how that stands; the same file again is the same import.

    Args:
        conn: In a transaction of the operator, of the bank or of the worker.
        sealer: Of ``sealer_for_entries``.
        bank: The bank's institution number.
        data: The file.
        asked_by: Who asks.
        now_ns: The present moment.
    """
    id_ = file_id(bank, data)
    packed = zlib.compress(data).decode("latin-1")
    sealed = sealer.seal(packed, _place(id_))
    conn.execute(_ADD, (bank, id_, "import", sealed, asked_by, now_ns, now_ns))
    return find_job(conn, bank, id_)


def ask_for_run(conn: Connection, bank: int, id_: UUID, asked_by: str, now_ns: int) -> ReconciliationJob:
    """Have all that is open at a bank compared, and return how that stands.

    Args:
        conn: In a transaction of the operator or of the worker.
        bank: The bank's institution number.
        id_: Of the run; the same one again is the same run.
        asked_by: Who asks.
        now_ns: The present moment.
    """
    conn.execute(_ADD, (bank, id_, "run", None, asked_by, now_ns, now_ns))
    return find_job(conn, bank, id_)


def find_job(conn: Connection, bank: int, id_: UUID) -> ReconciliationJob:
    """Return a job that the caller may see.

    Rejections: ``reconciliation_job_not_found``.
    """
    with conn.cursor(row_factory=class_row(ReconciliationJob)) as cursor:
        found = cursor.execute(_FIND, (bank, id_)).fetchone()
    if found is None:
        raise Rejected(
            "reconciliation_job_not_found",
            f"There is no import or run {id_} at bank {bank} that you may see; list the latest ones.",
        )
    return found


def latest_jobs(conn: Connection, bank: int, before_ns: int, limit: int) -> list[ReconciliationJob]:
    """Return jobs of a bank that the caller may see, the latest first."""
    with conn.cursor(row_factory=class_row(ReconciliationJob)) as cursor:
        return cursor.execute(_LATEST, (bank, before_ns, limit)).fetchall()


def take_job(conn: Connection, now_ns: int) -> HeldJob | None:
    """Take a job that is due, and commit that it is taken.

    Args:
        conn: As a worker, outside any transaction.
        now_ns: The present moment.
    """
    parameters = {"now_ns": now_ns, "until_ns": _leased_until_ns(now_ns)}
    with conn.cursor(row_factory=class_row(HeldJob)) as cursor:
        return cursor.execute(_TAKE, parameters).fetchone()


def content_of(sealer: Sealer, job: HeldJob) -> bytes:
    """Return the file of an import."""
    assert job.content is not None, "an import that is not ended has its file"
    return zlib.decompress(sealer.open(job.content, _place(job.id)).encode("latin-1"))


def note_progress(conn: Connection, job: HeldJob, done: int, total: int, now_ns: int) -> HeldJob | None:
    """Record how far a job is, and keep it for longer.

    Args:
        conn: As a worker, outside any transaction.
        job: As it was taken or noted last.
        done: How many parts are written.
        total: How many there are.
        now_ns: The present moment.

    Returns:
        The job as it is held now; ``None`` if somebody else has taken it meanwhile.
    """
    until_ns = _leased_until_ns(now_ns)
    parameters = {**_held(job), "done": done, "total": total, "until_ns": until_ns}
    if conn.execute(_NOTE, parameters).rowcount == 0:
        return None
    return HeldJob(job.institution, job.id, job.kind, job.content, job.asked_by, until_ns)


def give_back(conn: Connection, job: HeldJob, due_ns: int) -> None:
    """Let a job be taken again from a moment on."""
    conn.execute(_GIVE_BACK, {**_held(job), "due_ns": due_ns})


def end_job(conn: Connection, job: HeldJob, done: int | None, refusal: Rejected | None, now_ns: int) -> None:
    """End a job, and have what an import brought compared.

    Args:
        conn: As a worker, outside any transaction.
        job: As it was taken or noted last; if somebody else has it now, nothing happens.
        done: How many parts were written; ``None`` where it was refused.
        refusal: Why it was refused.
        now_ns: The present moment.
    """
    parameters = {
        **_held(job),
        "state": "done" if refusal is None else "refused",
        "code": None if refusal is None else refusal.code,
        "sentence": None if refusal is None else refusal.sentence,
        "done": done,
        "now_ns": now_ns,
    }
    with conn.transaction():
        is_ended = conn.execute(_END, parameters).rowcount == 1
        if is_ended and refusal is None and job.kind == "import":
            ask_for_run(conn, job.institution, derived_id(job.id, "run"), job.asked_by, now_ns)


def _held(job: HeldJob) -> dict[str, object]:
    return {"bank": job.institution, "id": job.id, "held_ns": job.until_ns}


def _leased_until_ns(now_ns: int) -> int:
    return now_ns + LEASE_S * _NANOSECONDS


def _place(id_: UUID) -> Place:
    return Place("reconciliation_job", "content", id_)

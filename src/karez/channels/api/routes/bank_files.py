"""What banks say about their accounts: files that are taken in, comparisons, and how far both are."""

import asyncio
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec import UNSET, Meta, UnsetType

from karez.channels.api.bodies import Body, Query, or_none
from karez.channels.api.caller_database import Connection
from karez.channels.api.documentation import KEY, Answer, Documentation, Link
from karez.channels.api.fields import EXAMPLE_IDS, EXAMPLE_MOMENT, InstitutionNumber, Moment, NewId, PageSize
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment, parse_moment
from karez.channels.api.replies import json_reply
from karez.core.outcomes import Rejected
from karez.parties.roles import Permission
from karez.services.payments.reconciliation.imports import read_statement_file
from karez.services.payments.reconciliation.jobs import (
    ReconciliationJob,
    ask_for_import,
    ask_for_run,
    find_job,
    latest_jobs,
)

FILE_SIZE_MAX_BYTES = 64 * 1024 * 1024
READ_AT_ONCE_BYTES = 256 * 1024
"""Files up to this size are read before the answer, so that their faults are told at once."""

_LATEST_NS = 2**63 - 1
_TYPES = ("application/xml", "text/csv", "text/plain", "application/octet-stream")


class WhichBank(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whose file; only the operator names a bank, a bank's file is its own."""

    institution: InstitutionNumber | UnsetType = UNSET


class JobsQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Which imports and runs.

    Attributes:
        institution: The bank; only the operator names one.
        before: Asked for before this moment.
    """

    institution: InstitutionNumber | UnsetType = UNSET
    before: Moment | UnsetType = UNSET
    limit: PageSize = 50


class NewRun(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A comparison to be made.

    Attributes:
        id: Your own new id; it makes retries safe.
        institution: The bank.
    """

    id: NewId
    institution: InstitutionNumber


class JobView(msgspec.Struct, frozen=True, kw_only=True):
    """An import or a run.

    Attributes:
        kind: `import` or `run`.
        state: `waiting`, `working`, `done` or `refused`.
        done: How many parts are written.
        total: How many there are, once that is known.
        code: Why it was refused.
        sentence: Likewise.
    """

    bank: InstitutionNumber
    id: UUID
    kind: str
    state: Annotated[str, Meta(examples=["working"])]
    done: int
    total: int | None
    code: str | None
    sentence: str | None
    asked: Moment
    ended: Moment | None


class JobList(msgspec.Struct, frozen=True):
    """Imports and runs, the latest first."""

    items: list[JobView]
    next_before: Moment | None


_EXAMPLE = {
    "bank": 2,
    "id": EXAMPLE_IDS[6],
    "kind": "import",
    "state": "working",
    "done": 25,
    "total": 501,
    "code": None,
    "sentence": None,
    "asked": EXAMPLE_MOMENT,
    "ended": None,
}
_WHICH_BANK = Query(WhichBank)
_JOBS_QUERY = Query(JobsQuery)
_RUN: Body[NewRun] = Body(NewRun, {"id": EXAMPLE_IDS[5], "institution": 2})
_TO_JOB = (Link("progress", "readReconciliationJob", {"job_id": "$response.body#/id"}),)


@post(
    "/v1/bank-files",
    status_code=202,
    request_max_body_size=FILE_SIZE_MAX_BYTES,
    opt={
        KEY: Documentation(
            name="importBankFile",
            topic="Reconciliation",
            summary="Have a bank's file taken in and compared, as the bank or the operator",
            description="An account statement as camt.052, camt.053 or camt.054, as MT940, or as a table (CSV). The"
            " same file again is the same import. A small file's faults are told at once, a large one's by the job.",
            access=Permission.PAYMENTS_WRITE,
            query=_WHICH_BANK,
            file_types=_TYPES,
            answers={202: Answer("It will be taken in, or was before", JobView, _EXAMPLE, _TO_JOB)},
            refusals=(
                "institution_needed",
                "institution_not_yours",
                "institution_not_found",
                "bank_file_malformed",
                "bank_file_too_large",
                "bank_message_unknown",
                "statement_not_balanced",
            ),
        )
    },
)
async def import_bank_file(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Keep a file for the worker, which takes it in."""
    bank = caller.choose_institution(or_none(_WHICH_BANK.read(request).institution))
    data = await request.body()
    if len(data) <= READ_AT_ONCE_BYTES:
        await asyncio.to_thread(read_statement_file, bank, data)
    now_ns = services.clock.now_ns()

    def ask(conn: Connection) -> ReconciliationJob:
        _check_institution(conn, bank)
        return ask_for_import(conn, services.entries_sealer, bank, data, caller.actor, now_ns)

    return json_reply(_view(await services.database.as_caller(caller, ask)), 202)


@post(
    "/v1/reconciliation-runs",
    status_code=202,
    opt={
        KEY: Documentation(
            name="runReconciliation",
            topic="Reconciliation",
            summary="Have all that is open at a bank compared again, as the operator",
            access=Permission.OPERATOR,
            body=_RUN,
            answers={
                202: Answer("It will be compared", JobView, {**_EXAMPLE, "kind": "run"}, _TO_JOB),
            },
            refusals=("institution_not_found", "reconciliation_job_not_found"),
        )
    },
)
async def run_reconciliation(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Ask the worker for a comparison."""
    body = await _RUN.read(request)
    now_ns = services.clock.now_ns()

    def ask(conn: Connection) -> ReconciliationJob:
        _check_institution(conn, body.institution)
        return ask_for_run(conn, body.institution, body.id, caller.actor, now_ns)

    return json_reply(_view(await services.database.as_operator(ask)), 202)


@get(
    "/v1/reconciliation-jobs",
    opt={
        KEY: Documentation(
            name="listReconciliationJobs",
            topic="Reconciliation",
            summary="List imports and runs, the latest first, as the bank or the operator",
            access=Permission.PAYMENTS_READ,
            query=_JOBS_QUERY,
            answers={200: Answer("A page", JobList, {"items": [_EXAMPLE], "next_before": None})},
            refusals=("institution_needed", "institution_not_yours", "moment_malformed"),
        )
    },
)
async def list_reconciliation_jobs(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return a page of imports and runs."""
    query = _JOBS_QUERY.read(request)
    bank = caller.choose_institution(or_none(query.institution))
    before = or_none(query.before)
    before_ns = _LATEST_NS if before is None else parse_moment(before)
    found = await services.database.as_caller(
        caller, lambda conn: latest_jobs(conn, bank, before_ns, query.limit)
    )
    next_before = format_moment(found[-1].asked_ns) if len(found) == query.limit else None
    return json_reply(JobList([_view(each) for each in found], next_before))


@get(
    "/v1/reconciliation-jobs/{job_id:uuid}",
    opt={
        KEY: Documentation(
            name="readReconciliationJob",
            topic="Reconciliation",
            summary="Read how far an import or a run is, as the bank or the operator",
            access=Permission.PAYMENTS_READ,
            query=_WHICH_BANK,
            answers={200: Answer("How far it is", JobView, _EXAMPLE)},
            refusals=("institution_needed", "institution_not_yours", "reconciliation_job_not_found"),
        )
    },
)
async def read_reconciliation_job(
    request: AnyRequest, job_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return an import or a run."""
    bank = caller.choose_institution(or_none(_WHICH_BANK.read(request).institution))
    return json_reply(
        _view(await services.database.as_caller(caller, lambda conn: find_job(conn, bank, job_id)))
    )


def _check_institution(conn: Connection, bank: int) -> None:
    if conn.execute("SELECT FROM institution WHERE number = %s", (bank,)).fetchone() is None:
        raise Rejected("institution_not_found", f"There is no institution {bank}; list them to find it.")


def _view(job: ReconciliationJob) -> JobView:
    return JobView(
        bank=job.institution,
        id=job.id,
        kind=job.kind,
        state=job.state,
        done=job.done,
        total=job.total,
        code=job.code,
        sentence=job.sentence,
        asked=format_moment(job.asked_ns),
        ended=None if job.ended_ns is None else format_moment(job.ended_ns),
    )


HANDLERS = (import_bank_file, run_reconciliation, list_reconciliation_jobs, read_reconciliation_job)

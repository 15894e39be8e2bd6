"""Forgets pay codes that nobody has used: most are shown and never scanned."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import psycopg

from karez.services.payments.qr.records import forget_unused
from karez.storage.jobs import Job
from karez.storage.jobs_batch import Handler
from karez.storage.schedules import Schedule

KEPT_S = 3_600
"""So long a late scan is told that the code has expired, rather than that there is none."""

_LIMIT = 100_000
_NANOSECONDS = 1_000_000_000
_KIND = "pay_codes.forget"


def _forget(conn: psycopg.Connection[Any], jobs: Sequence[Job]) -> None:
    forget_unused(conn, max(job.run_at_ns for job in jobs) - KEPT_S * _NANOSECONDS, _LIMIT)


HANDLERS: Mapping[str, Handler] = {_KIND: _forget}
SCHEDULES = (Schedule(_KIND, _KIND, msgspec.Raw(b"{}"), every_s=60),)

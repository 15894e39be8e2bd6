"""What an error of the database means for the operator, as a code and one sentence.

The codes are those of the PostgreSQL 18 manual, appendix A. A connection that never came about has none, and
is judged by the server's words.
"""

from dataclasses import dataclass

import psycopg

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import disk_full


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a class of errors means.

    Attributes:
        code: Our code.
        sentence: What happened and what to do; ``{reason}`` is the first line of the server's words.
        sqlstates: PostgreSQL's codes, or their beginnings.
        words: Parts of a message without a code.
        retry_after_s: Seconds after which a retry makes sense.
    """

    code: str
    sentence: str
    sqlstates: tuple[str, ...]
    words: tuple[str, ...] = ()
    retry_after_s: float | None = None


# The first that fits is taken.
_MEANINGS = (
    _Meaning(
        "too_many_connections",
        "The database has no connection left ({reason}); close other programs on it or raise its "
        "max_connections, then try again.",
        ("53300",),
        ("too many clients", "connection slots are reserved", "too many connections"),
        retry_after_s=1.0,
    ),
    _Meaning(
        "database_starting",
        "The database is starting or stopping and takes no work yet ({reason}); try again in a few seconds.",
        ("57P03",),
        ("the database system is",),
        retry_after_s=2.0,
    ),
    _Meaning(
        "login_refused",
        "The database refused the login ({reason}); check the user and the password in KAREZ_DATABASE_URL, "
        "and that every Karez on this database has the same secret key.",
        ("28",),
        ("password authentication failed", "pg_hba.conf", "no password supplied"),
    ),
    _Meaning(
        "database_missing",
        "The database does not exist ({reason}); create it, or correct its name in KAREZ_DATABASE_URL.",
        ("3D000",),
        ("does not exist",),
    ),
    _Meaning(
        "database_gone",
        "The connection to the database broke or cannot be made ({reason}); see whether the server runs, and "
        "repeat the request with the same id: whether its last work was kept is unknown.",
        ("08", "57P01", "57P02", "57P05"),
        (),
        retry_after_s=2.0,
    ),
    _Meaning(
        "no_rights",
        "The database refuses Karez a right that it needs ({reason}); let the user in KAREZ_DATABASE_URL own "
        "the database and have CREATEROLE.",
        ("42501",),
        ("permission denied for database",),
    ),
    _Meaning(
        "database_read_only",
        "The database takes no writes ({reason}); point KAREZ_DATABASE_URL at the primary server.",
        ("25006",),
        retry_after_s=5.0,
    ),
    _Meaning(
        "database_conflict",
        "Other work on the same rows came first ({reason}); repeat the request with the same id.",
        ("40", "55P03"),
        retry_after_s=0.1,
    ),
    _Meaning(
        "database_slow",
        "The database did not finish in the time allowed ({reason}); repeat the request with the same id.",
        ("57014",),
        retry_after_s=2.0,
    ),
    _Meaning(
        "database_damaged",
        "The database cannot read or write its own files ({reason}); stop Karez, save a copy of the data "
        "directory, and check the disk.",
        ("58", "XX001", "XX002"),
    ),
    _Meaning(
        "database_overloaded",
        "The database ran out of a resource ({reason}); give it more, then try again.",
        ("53",),
        retry_after_s=10.0,
    ),
)
_GONE = next(meaning for meaning in _MEANINGS if meaning.code == "database_gone")
_FAILED = _Meaning(
    "database_failed",
    "The database could not do the work ({reason}); this is a defect in Karez or in the database, please "
    "report it with this sentence.",
    (),
)


def explain(error: psycopg.Error) -> Unavailable:
    """Turn an error that is not the caller's fault into a refusal with a sentence.

    Args:
        error: What psycopg raised.

    Returns:
        The refusal, to be raised ``from error``.
    """
    if error.sqlstate == "53100":
        return disk_full("the database")
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    meaning = _meaning(error)
    return Unavailable(meaning.code, meaning.sentence.format(reason=reason), meaning.retry_after_s)


def _meaning(error: psycopg.Error) -> _Meaning:
    if error.sqlstate is not None:
        for meaning in _MEANINGS:
            if error.sqlstate.startswith(meaning.sqlstates):
                return meaning
        return _FAILED
    if not isinstance(error, psycopg.OperationalError):
        return _FAILED
    text = str(error)
    for meaning in _MEANINGS:
        if any(word in text for word in meaning.words):
            return meaning
    return _GONE

"""Looking for texts that must be nowhere: in every column of every table, and in files."""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg

_TABLES = """
SELECT t.relname FROM pg_class t
WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r' ORDER BY 1
"""
# A row as text shows every column of every type; bytes stand there in hexadecimal digits.
_IN_TABLE = """
SELECT {name}, wanted.secret, wanted.form FROM {table} t CROSS JOIN wanted
WHERE strpos(regexp_replace(lower(t::text), '[ -]', '', 'g'), wanted.form) > 0
"""


def forms_of(secret: str) -> Iterator[str]:
    """Return how a text shows: as it is, its bytes in hexadecimal digits, and its common digests."""
    data = secret.encode()
    yield secret
    yield data.hex()
    for digest in (hashlib.md5, hashlib.sha1, hashlib.sha256, hashlib.blake2b):
        yield digest(data).hexdigest()


def found_in_tables(conn: psycopg.Connection[Any], secrets: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return where texts were found, with any spaces and hyphens between: table, text and form.

    Args:
        conn: Of the owner, who sees every row.
        secrets: What must be nowhere; without spaces.
    """
    tables = [name for (name,) in conn.execute(_TABLES)]
    wanted = [(secret, form) for secret in secrets for form in forms_of(secret)]
    query = "WITH wanted AS MATERIALIZED (SELECT * FROM unnest(%s::text[], %s::text[]) w (secret, form))"
    query += " UNION ALL ".join(_IN_TABLE.format(name=f"'{name}'", table=f'"{name}"') for name in tables)
    columns: tuple[list[str], list[str]] = ([each[0] for each in wanted], [each[1] for each in wanted])
    return [
        (str(table), str(secret), str(form)) for table, secret, form in conn.execute(query.encode(), columns)
    ]


def found_in_text(text: bytes, secrets: Iterable[str]) -> list[str]:
    """Return which texts are in some bytes, with any spaces and hyphens between."""
    plain = text.lower().replace(b" ", b"").replace(b"-", b"")
    return [secret for secret in secrets if any(form.encode() in plain for form in forms_of(secret))]


def found_in_files(folder: Path, secrets: Iterable[str]) -> list[tuple[str, str]]:
    """Return which texts are in the files of a folder, the database's own ones too: file and text."""
    found = []
    for path in sorted(each for each in folder.rglob("*") if each.is_file()):
        text = path.read_bytes()
        found += [(str(path), secret) for secret in secrets if secret.encode() in text]
    return found

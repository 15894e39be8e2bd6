"""Reading personal data: never without a reader, a purpose and a line in the access log.

The log line is written by the statement that reads, so neither exists without the other. An institution reads
the data of those who came through it; of anybody else it reads what that party consented to share for this
purpose, which the operator's side carries out on its behalf (the tenant wall hides those rows from the
institution itself).

Source: Personal Information Protection Law of China (2021), articles 23 (sharing needs separate consent), 44
and 45 (the right to know and to access).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.ids import new_id
from karez.core.sealing import Sealer
from karez.parties import consent
from karez.parties.people import place_of
from karez.parties.personal import FIELDS, Field, PersonalData


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads, and why; all of it is kept.

    Attributes:
        name: Who exactly, such as ``staff 0190...`` or ``credential 0190...``.
        purpose: Why, in a word that consents use as well, such as ``credit-assessment``.
        institution: For which institution; none for the operator and for the party itself.
    """

    name: str
    purpose: str
    institution: int | None


@dataclass(frozen=True, slots=True)
class Access:
    """One line of the access log.

    Attributes:
        party: Whose data was read.
        institution: By which institution; none for the operator and for the party itself.
        reader: Who exactly.
        fields: What was read.
        purpose: Why.
        at_ns: When.
    """

    party: UUID
    institution: int | None
    reader: str
    fields: list[str]
    purpose: str
    at_ns: int


def disclose(
    conn: psycopg.Connection[Any],
    sealer: Sealer,
    parties: Collection[UUID],
    fields: Collection[Field],
    reader: Reader,
    now_ns: int,
) -> dict[UUID, PersonalData]:
    """Read personal data, and log it in the same statement.

    Args:
        conn: In a transaction of the reader; of the operator if an institution reads by consent.
        sealer: Opens the personal data.
        parties: Whose; those that are unknown, invisible or without consent are missing in the result, and
            nothing is logged for them.
        fields: Which, at least one.
        reader: Who reads, and why.
        now_ns: The present moment.

    Raises:
        Unavailable: ``seal_broken``, ``seal_key_missing``.
    """
    if not fields:
        raise ValueError("to read nothing needs no access")
    ids = sorted(set(parties))
    consenting: set[UUID] = set()
    if reader.institution is not None:
        consenting = consent.consenting(conn, ids, reader.institution, reader.purpose, fields, now_ns)
    rows = conn.execute(
        """
        WITH wanted AS (
            SELECT party.*, log.id AS log_id
            FROM unnest(%(parties)s::uuid[], %(log_ids)s::uuid[]) AS log (party, id)
            JOIN party ON party.id = log.party
            WHERE %(institution)s::integer IS NULL
                OR party.institution = %(institution)s
                OR party.id = ANY(%(consenting)s)
        ), logged AS (
            INSERT INTO personal_data_access (party, id, institution, reader, fields, purpose, at_ns)
            SELECT id, log_id, %(institution)s, %(reader)s, %(fields)s, %(purpose)s, %(now_ns)s FROM wanted
        )
        SELECT id, name, phone, email, document FROM wanted
        """,
        {
            "parties": ids,
            "log_ids": [new_id(now_ns) for _ in ids],
            "institution": reader.institution,
            "consenting": list(consenting),
            "reader": reader.name,
            "fields": sorted(fields),
            "purpose": reader.purpose,
            "now_ns": now_ns,
        },
    ).fetchall()
    return {party: _open(sealer, party, sealed, fields) for party, *sealed in rows}


def _open(
    sealer: Sealer, party: UUID, sealed: Sequence[bytes | None], fields: Collection[Field]
) -> PersonalData:
    clear = {
        field: sealer.open(ciphertext, place_of(field, party))
        for field, ciphertext in zip(FIELDS, sealed, strict=True)
        if field in fields and ciphertext is not None
    }
    return PersonalData(**clear)


def accesses(conn: psycopg.Connection[Any], party: UUID) -> list[Access]:
    """Return who read a party's data, the newest first.

    Args:
        conn: In a transaction of the party or the operator, who see all, or of an institution, which sees its
            own.
        party: The party's id.
    """
    with conn.cursor(row_factory=class_row(Access)) as cursor:
        return cursor.execute(
            """
            SELECT party, institution, reader, fields, purpose, at_ns
            FROM personal_data_access WHERE party = %s ORDER BY at_ns DESC, id DESC
            """,
            (party,),
        ).fetchall()

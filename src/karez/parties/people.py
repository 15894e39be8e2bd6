"""People and shops: registered once for the whole ecosystem, with their personal data sealed.

A phone, an email and a document belong to one party at most, whichever institution it came through: that is
what makes it possible to sign in with them. The directory holds only keyed fingerprints of them.

To read personal data, see ``karez.parties.disclosure``: nothing here returns any.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.core.sealing import Place, Sealer
from karez.parties.personal import FIELDS, KNOWN_BY, Field, KnownBy, PersonalData, normalise

SEALING_PURPOSE = "party"

Kind = Literal["person", "shop"]
State = Literal["active", "suspended", "closed"]


@dataclass(frozen=True, slots=True)
class NewParty:
    """A person or a shop that is to be registered.

    Attributes:
        id: Made by the caller, so that a retry is recognised.
        kind: ``person`` or ``shop``.
        institution: Through whom it comes; none if by itself.
        personal: What is known of it.
    """

    id: UUID
    kind: Kind
    institution: int | None
    personal: PersonalData


@dataclass(frozen=True, slots=True)
class Party:
    """A registered person or shop, without its personal data.

    Attributes:
        id: Its id.
        kind: ``person`` or ``shop``.
        institution: Through whom it came; none if by itself.
        state: ``active``, ``suspended`` or ``closed``.
        created_ns: When it was registered.
    """

    id: UUID
    kind: Kind
    institution: int | None
    state: State
    created_ns: int


def sealer(secret_key: bytes) -> Sealer:
    """Return what seals the personal data of a database.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, SEALING_PURPOSE)


def place_of(field: Field, party: UUID) -> Place:
    """Return where a field of a party is stored."""
    return Place("party", field, party)


def register(
    conn: psycopg.Connection[Any], sealer: Sealer, newcomers: Sequence[NewParty], now_ns: int
) -> None:
    """Register people and shops, all or none.

    Args:
        conn: In a transaction of the operator, of their institution, or of the one party that comes by itself
            (``as_person`` with its new id).
        sealer: Seals the personal data.
        newcomers: At least one.
        now_ns: The present moment.

    Rejections: those of ``PersonalData.normalised``; ``party_exists``, ``institution_unknown``;
        ``phone_taken``, ``email_taken``, ``document_taken``, each with the ``party`` among the newcomers that
        is registered already.
    """
    newcomers = [replace(newcomer, personal=newcomer.personal.normalised()) for newcomer in newcomers]
    sealed = [
        {field: sealer.seal(text, place_of(field, newcomer.id)) for field, text in newcomer.personal.given()}
        for newcomer in newcomers
    ]
    with conn.transaction():
        _insert(conn, newcomers, sealed, now_ns)
        _enter(
            conn,
            [
                entry
                for newcomer in newcomers
                for entry in _entries(sealer, newcomer.id, newcomer.institution, newcomer.personal)
            ],
        )


def correct(conn: psycopg.Connection[Any], sealer: Sealer, party: UUID, corrected: PersonalData) -> None:
    """Replace some of a party's personal data.

    Args:
        conn: In a transaction of the operator, of its institution, or of the party itself, which may correct
            its phone and email only.
        sealer: Seals the personal data.
        party: The party's id.
        corrected: The fields that change, at least one; the others stay.

    Rejections: those of ``PersonalData.normalised``; ``nothing_to_correct``, ``party_unknown``,
        ``phone_taken``, ``email_taken``, ``document_taken``.
    """
    corrected = corrected.normalised()
    changes = dict(corrected.given())
    if not changes:
        raise Rejected("nothing_to_correct", f"No field of party {party} was given; give at least one.")
    with conn.transaction():
        row = conn.execute(
            "SELECT institution, phone, email, document FROM party WHERE id = %s FOR UPDATE", (party,)
        ).fetchone()
        if row is None:
            raise _unknown(party)
        institution, *sealed = row
        former = {
            field: sealer.open(ciphertext, place_of(field, party))
            for field, ciphertext in zip(KNOWN_BY, sealed, strict=True)
            if ciphertext is not None and field in changes
        }
        obsolete = [index for field, text in former.items() for index in sealer.blind_indexes(field, text)]
        conn.execute("DELETE FROM party_directory WHERE blind_index = ANY(%s)", (obsolete,))
        _enter(conn, _entries(sealer, party, institution, corrected))
        assignments = sql.SQL(", ").join(
            sql.SQL("{} = %s").format(sql.Identifier(field)) for field in changes
        )
        conn.execute(
            sql.SQL("UPDATE party SET {} WHERE id = %s").format(assignments),
            [*(sealer.seal(text, place_of(field, party)) for field, text in changes.items()), party],
        )


def find(conn: psycopg.Connection[Any], sealer: Sealer, field: KnownBy, text: str) -> UUID | None:
    """Find the party that a phone, email or document belongs to.

    Args:
        conn: In a transaction of the entrance or the operator, who find everybody, or of an institution,
            which finds those who came through it.
        sealer: Makes the fingerprints.
        field: What the text is.
        text: In any spelling.

    Rejections: ``phone_malformed``, ``email_malformed``, ``document_malformed``.
    """
    row = conn.execute(
        "SELECT party FROM party_directory WHERE blind_index = ANY(%s)",
        (sealer.blind_indexes(field, normalise(field, text)),),
    ).fetchone()
    return row[0] if row else None


def known(conn: psycopg.Connection[Any], parties: Collection[UUID]) -> dict[UUID, Party]:
    """Return what is known of parties without their personal data; invisible ones are missing.

    Args:
        conn: In a transaction of any kind of caller.
        parties: Their ids.
    """
    with conn.cursor(row_factory=class_row(Party)) as cursor:
        rows = cursor.execute(
            "SELECT id, kind, institution, state, created_ns FROM party WHERE id = ANY(%s)", (list(parties),)
        )
        return {party.id: party for party in rows}


def set_state(conn: psycopg.Connection[Any], party: UUID, state: State) -> None:
    """Suspend, close or reactivate a party.

    Args:
        conn: In a transaction of the operator or of its institution.
        party: The party's id.
        state: Its state from now on.

    Rejections: ``party_unknown``.
    """
    if conn.execute("UPDATE party SET state = %s WHERE id = %s", (state, party)).rowcount == 0:
        raise _unknown(party)


def _insert(
    conn: psycopg.Connection[Any],
    newcomers: Sequence[NewParty],
    sealed: Sequence[Mapping[Field, bytes]],
    now_ns: int,
) -> None:
    try:
        made = conn.execute(
            """
            INSERT INTO party (id, kind, institution, state, name, phone, email, document, created_ns)
            SELECT id, kind, institution, 'active', name, phone, email, document, %s
            FROM unnest(
                %s::uuid[], %s::text[], %s::integer[], %s::bytea[], %s::bytea[], %s::bytea[], %s::bytea[]
            ) AS newcomer (id, kind, institution, name, phone, email, document)
            ON CONFLICT (id) DO NOTHING
            """,
            (
                now_ns,
                [newcomer.id for newcomer in newcomers],
                [newcomer.kind for newcomer in newcomers],
                [newcomer.institution for newcomer in newcomers],
                *([fields.get(field) for fields in sealed] for field in FIELDS),
            ),
        ).rowcount
    except psycopg.errors.ForeignKeyViolation:
        raise Rejected(
            "institution_unknown",
            "One of these parties comes through an institution that does not exist; look its number up "
            "first.",
        ) from None
    if made != len(newcomers):
        raise Rejected("party_exists", "One of these parties is registered already; look it up by its id.")


@dataclass(frozen=True, slots=True)
class _Entry:
    blind_index: bytes
    field: Field
    party: UUID
    institution: int | None


def _entries(sealer: Sealer, party: UUID, institution: int | None, personal: PersonalData) -> list[_Entry]:
    return [
        _Entry(index, field, party, institution)
        for field, text in personal.given()
        if field in KNOWN_BY
        for index in sealer.blind_indexes(field, text)
    ]


def _enter(conn: psycopg.Connection[Any], entries: Iterable[_Entry]) -> None:
    """Put entries into the directory, in one order, so that two registrations never wait for each other."""
    ordered = sorted(entries, key=lambda entry: entry.blind_index)
    entered = conn.execute(
        """
        INSERT INTO party_directory (blind_index, field, party, institution)
        SELECT * FROM unnest(%s::bytea[], %s::text[], %s::uuid[], %s::integer[])
        ON CONFLICT (blind_index) DO NOTHING
        RETURNING blind_index, party
        """,
        (
            [entry.blind_index for entry in ordered],
            [entry.field for entry in ordered],
            [entry.party for entry in ordered],
            [entry.institution for entry in ordered],
        ),
    ).fetchall()
    kept = {(bytes(index), party) for index, party in entered}
    for entry in ordered:
        if (entry.blind_index, entry.party) not in kept:
            raise Rejected(
                f"{entry.field}_taken",
                f"The {entry.field} of party {entry.party} belongs to a registered party already; ask its "
                "owner to sign in, or correct it.",
                party=entry.party,
            )


def _unknown(party: UUID) -> Rejected:
    return Rejected("party_unknown", f"There is no party {party} that you may see; look it up again.")

"""What a party allowed an institution to do with its data, for which purpose, from when until when.

Grants and withdrawals are rows that are only ever added, so it can be told for any past moment what was
allowed.

Source: Personal Information Protection Law of China (2021), articles 14 to 16: consent is given for a stated
purpose and may be withdrawn at any time; a withdrawal does not undo what was done before it.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected


@dataclass(frozen=True, slots=True)
class Consent:
    """One consent and its end.

    Attributes:
        party: Who gave it.
        id: Its id.
        institution: To whom.
        purpose: For what, such as ``credit-assessment``.
        scope: What may be used, such as ``["name", "phone"]``.
        evidence: How it was given, such as the version of the text that was shown and the way it was
            accepted.
        granted_ns: From when on.
        withdrawn_ns: From when on no more; none while it holds.
    """

    party: UUID
    id: UUID
    institution: int
    purpose: str
    scope: list[str]
    evidence: str
    granted_ns: int
    withdrawn_ns: int | None


def grant(
    conn: psycopg.Connection[Any],
    party: UUID,
    consent: UUID,
    institution: int,
    purpose: str,
    scope: Collection[str],
    evidence: str,
    now_ns: int,
) -> None:
    """Record that a party consents.

    Args:
        conn: In a transaction of the party or the operator; an institution cannot consent for a party.
        party: Who consents.
        consent: The id of this consent, made by the caller, so that a retry is recognised.
        institution: To whom.
        purpose: For what.
        scope: What may be used, at least one item.
        evidence: How the consent was given.
        now_ns: The present moment.

    Rejections: ``consent_without_scope``, ``consent_exists``, ``consent_without_parties``.
    """
    if not scope:
        raise Rejected("consent_without_scope", "A consent names what may be used; give at least one item.")
    try:
        with conn.transaction():
            conn.execute(
                """
                INSERT INTO consent (party, id, institution, purpose, scope, evidence, granted_ns)
                VALUES (%s, %s, %s, %s, %s, %s, %s)
                """,
                (party, consent, institution, purpose, sorted(set(scope)), evidence, now_ns),
            )
    except psycopg.errors.UniqueViolation:
        raise Rejected("consent_exists", f"Consent {consent} is recorded already; look it up.") from None
    except psycopg.errors.ForeignKeyViolation:
        raise Rejected(
            "consent_without_parties",
            f"Party {party} or institution {institution} does not exist; look them up again.",
        ) from None


def withdraw(conn: psycopg.Connection[Any], party: UUID, consent: UUID, evidence: str, now_ns: int) -> None:
    """Record that a party withdraws a consent; a second withdrawal changes nothing.

    Args:
        conn: In a transaction of the party or the operator.
        party: Who withdraws.
        consent: The id of the consent.
        evidence: How it was withdrawn.
        now_ns: The present moment.

    Rejections: ``consent_unknown``.
    """
    found = conn.execute(
        """
        WITH given AS (
            SELECT party, id, institution FROM consent WHERE party = %(party)s AND id = %(consent)s
        ), ended AS (
            INSERT INTO consent_withdrawal (party, consent, institution, evidence, withdrawn_ns)
            SELECT party, id, institution, %(evidence)s, %(now_ns)s FROM given
            ON CONFLICT (party, consent) DO NOTHING
        )
        SELECT 1 FROM given
        """,
        {"party": party, "consent": consent, "evidence": evidence, "now_ns": now_ns},
    ).fetchone()
    if found is None:
        raise Rejected(
            "consent_unknown", f"Party {party} gave no consent {consent}; list its consents and choose one."
        )


def consenting(
    conn: psycopg.Connection[Any],
    parties: Collection[UUID],
    institution: int,
    purpose: str,
    scope: Collection[str],
    at_ns: int,
) -> set[UUID]:
    """Return those parties whose consent covers a use at a moment.

    Args:
        conn: In a transaction of the operator, the institution or the party.
        parties: Whom to ask about.
        institution: Who wants to use the data.
        purpose: For what.
        scope: What is to be used; one consent must cover all of it.
        at_ns: The moment; a consent holds from its grant on, until just before its withdrawal.
    """
    rows = conn.execute(
        """
        SELECT DISTINCT consent.party
        FROM consent
        LEFT JOIN consent_withdrawal AS ended
            ON ended.party = consent.party AND ended.consent = consent.id AND ended.withdrawn_ns <= %(at_ns)s
        WHERE consent.party = ANY(%(parties)s)
            AND consent.institution = %(institution)s
            AND consent.purpose = %(purpose)s
            AND consent.scope @> %(scope)s::text[]
            AND consent.granted_ns <= %(at_ns)s
            AND ended.consent IS NULL
        """,
        {
            "parties": list(parties),
            "institution": institution,
            "purpose": purpose,
            "scope": list(scope),
            "at_ns": at_ns,
        },
    ).fetchall()
    return {party for (party,) in rows}


def has_consent(
    conn: psycopg.Connection[Any],
    party: UUID,
    institution: int,
    purpose: str,
    scope: Collection[str],
    at_ns: int,
) -> bool:
    """Tell whether one party's consent covers a use at a moment; see ``consenting``."""
    return party in consenting(conn, [party], institution, purpose, scope, at_ns)


def history(conn: psycopg.Connection[Any], party: UUID) -> list[Consent]:
    """Return all consents that a party ever gave, the oldest first.

    Args:
        conn: In a transaction of the party or the operator, who see all, or of an institution, which sees its
            own.
        party: The party's id.
    """
    with conn.cursor(row_factory=class_row(Consent)) as cursor:
        return cursor.execute(
            """
            SELECT consent.party, id, consent.institution, purpose, scope, consent.evidence, granted_ns,
                withdrawn_ns
            FROM consent
            LEFT JOIN consent_withdrawal AS ended
                ON ended.party = consent.party AND ended.consent = consent.id
            WHERE consent.party = %s
            ORDER BY granted_ns, id
            """,
            (party,),
        ).fetchall()

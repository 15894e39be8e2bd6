"""Tokens are shown once, rotated with an overlap, revoked at once, and never exceed their owner's rights."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.parties import credentials, institutions
from karez.parties.roles import Permission
from karez.parties.tokens import Credential, Owner, Token, check, parse_token
from karez.storage.database import Database, connect
from karez.storage.tenant import as_entrance, as_entrance_async, as_institution, as_operator, as_person
from tests.parties.making import (
    ANA,
    HARBOUR_BANK,
    HILL_BANK,
    NOW_NS,
    OPERATOR,
    SECOND_NS,
    refused,
    register_one,
)

Web = psycopg.Connection[Any]

EXPIRY_NS = NOW_NS + 1_000 * SECOND_NS
LATER_EXPIRY_NS = NOW_NS + 5_000 * SECOND_NS


def issue_for_harbour_bank(web: Web) -> Token:
    with as_institution(web, HARBOUR_BANK):
        return credentials.issue(
            web, Owner(institution=HARBOUR_BANK), ["ledger:read"], "cash desk", EXPIRY_NS, NOW_NS
        )


def verified(web: Web, token: Token, now_ns: int) -> Credential:
    with as_entrance(web):
        return credentials.verify(web, str(token), now_ns)


def test_a_token_proves_whom_it_acts_for_and_what_it_may_do(web: Web, sealer: Sealer) -> None:
    credential = verified(web, issue_for_harbour_bank(web), NOW_NS)
    assert (credential.institution, credential.party) == (HARBOUR_BANK, None)
    assert credential.permissions == {Permission.LEDGER_READ}
    ana = register_one(web, sealer, ANA, None)
    with as_person(web, ana):
        token = credentials.issue(web, Owner(party=ana), ["ledger:write"], "my script", EXPIRY_NS, NOW_NS)
    credential = verified(web, token, NOW_NS)
    assert (credential.institution, credential.party) == (None, ana)


def test_the_secret_is_not_kept(web: Web, database: Database) -> None:
    token = issue_for_harbour_bank(web)
    with connect(database.owner) as owner:
        (row,) = owner.execute("SELECT credential::text FROM credential").fetchall()[0]
    assert token.id.hex in row.replace("-", "")
    assert token.secret not in row


def test_a_token_of_an_unknown_credential_is_invalid(web: Web) -> None:
    token = issue_for_harbour_bank(web)
    with refused("credential_invalid"):
        verified(web, Token(new_id(NOW_NS), token.secret), NOW_NS)


def test_expired_revoked_and_suspended_are_told_apart(web: Web) -> None:
    expiring, revoked, suspended = (issue_for_harbour_bank(web) for _ in range(3))
    with refused("credential_expired"):
        verified(web, expiring, EXPIRY_NS)
    with as_institution(web, HARBOUR_BANK):
        credentials.revoke(web, revoked.id, NOW_NS + 1)
        credentials.revoke(web, revoked.id, NOW_NS + 2)
    with refused("credential_revoked"):
        verified(web, revoked, NOW_NS + 1)
    with as_operator(web):
        institutions.suspend(web, HARBOUR_BANK)
    with refused("institution_suspended"):
        verified(web, suspended, NOW_NS)
    with as_operator(web):
        kept = {it.id: it.revoked_ns for it in credentials.owned_by(web, Owner(institution=HARBOUR_BANK))}
    assert kept == {expiring.id: None, revoked.id: NOW_NS + 1, suspended.id: None}


def test_both_tokens_work_during_the_overlap_of_a_rotation(web: Web) -> None:
    old = issue_for_harbour_bank(web)
    with as_institution(web, HARBOUR_BANK):
        new = credentials.rotate(web, old.id, overlap_s=60, expires_ns=LATER_EXPIRY_NS, now_ns=NOW_NS)
    last_moment_ns = NOW_NS + 60 * SECOND_NS - 1
    assert verified(web, old, last_moment_ns).replaced_by == new.id
    with refused("credential_expired"):
        verified(web, old, last_moment_ns + 1)
    successor = verified(web, new, LATER_EXPIRY_NS - 1)
    assert (successor.institution, successor.label, successor.scopes) == (
        HARBOUR_BANK,
        "cash desk",
        ["ledger:read"],
    )
    with refused("credential_expired"):
        verified(web, new, LATER_EXPIRY_NS)


def test_an_overlap_does_not_lengthen_the_old_tokens_life(web: Web) -> None:
    old = issue_for_harbour_bank(web)
    with as_institution(web, HARBOUR_BANK):
        credentials.rotate(web, old.id, overlap_s=100_000, expires_ns=LATER_EXPIRY_NS, now_ns=NOW_NS)
    with refused("credential_expired"):
        verified(web, old, EXPIRY_NS)


def test_a_credential_that_no_longer_lives_is_not_replaced(web: Web) -> None:
    rotated, revoked, expired = (issue_for_harbour_bank(web) for _ in range(3))
    with as_institution(web, HARBOUR_BANK):
        credentials.rotate(web, rotated.id, 60, LATER_EXPIRY_NS, NOW_NS)
        credentials.revoke(web, revoked.id, NOW_NS)
        for token, now_ns in ((rotated, NOW_NS), (revoked, NOW_NS), (expired, EXPIRY_NS)):
            with refused("credential_not_replaceable"):
                credentials.rotate(web, token.id, 60, LATER_EXPIRY_NS, now_ns)


def test_of_many_rotations_at_once_one_succeeds(web: Web, database: Database) -> None:
    old = issue_for_harbour_bank(web)

    def rotate(_: int) -> UUID | None:
        with connect(database.web) as conn, as_institution(conn, HARBOUR_BANK):
            try:
                return credentials.rotate(conn, old.id, 60, LATER_EXPIRY_NS, NOW_NS).id
            except Rejected:
                return None

    with ThreadPoolExecutor(8) as threads:
        (new,) = [made for made in threads.map(rotate, range(16)) if made]
    assert verified(web, old, NOW_NS).replaced_by == new


def test_an_institution_rotates_and_revokes_its_own_credentials_only(web: Web) -> None:
    token = issue_for_harbour_bank(web)
    with as_institution(web, HILL_BANK):
        assert credentials.find_credential(web, token.id) is None
        with refused("credential_not_replaceable"):
            credentials.rotate(web, token.id, 60, LATER_EXPIRY_NS, NOW_NS)
        with refused("credential_unknown"):
            credentials.revoke(web, token.id, NOW_NS)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HILL_BANK):
        credentials.issue(web, Owner(institution=HARBOUR_BANK), [], "spy", EXPIRY_NS, NOW_NS)


def test_the_operators_scope_is_given_to_the_operators_programs_by_the_operator(
    web: Web, sealer: Sealer
) -> None:
    ana = register_one(web, sealer, ANA, None)
    with as_operator(web):
        token = credentials.issue(
            web, Owner(institution=OPERATOR), ["operator"], "console", EXPIRY_NS, NOW_NS
        )
        for owner in (Owner(institution=HARBOUR_BANK), Owner(party=ana)):
            with refused("scope_not_given_here"):
                credentials.issue(web, owner, ["operator"], "", EXPIRY_NS, NOW_NS)
    assert verified(web, token, NOW_NS).permissions == {Permission.OPERATOR}
    with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, OPERATOR):
        credentials.issue(web, Owner(institution=OPERATOR), ["operator"], "", EXPIRY_NS, NOW_NS)


def test_scopes_and_rights_of_a_credential_cannot_be_widened_later(web: Web) -> None:
    issue_for_harbour_bank(web)
    for change in ("scopes = '{operator}'", "institution = 1", "secret_hash = sha256('')"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), as_institution(web, HARBOUR_BANK):
            web.execute(f"UPDATE credential SET {change}")


def test_unknown_scopes_and_institutions_and_past_expiries_are_refused(web: Web) -> None:
    owner = Owner(institution=HARBOUR_BANK)
    with as_institution(web, HARBOUR_BANK):
        with refused("permission_unknown"):
            credentials.issue(web, owner, ["ledger:burn"], "", EXPIRY_NS, NOW_NS)
        with refused("credential_expired"):
            credentials.issue(web, owner, ["ledger:read"], "", NOW_NS, NOW_NS)
        with refused("credential_expired"):
            credentials.rotate(web, new_id(NOW_NS), 60, NOW_NS, NOW_NS)
    with refused("institution_unknown"), as_operator(web):
        credentials.issue(web, Owner(institution=99), ["ledger:read"], "", EXPIRY_NS, NOW_NS)


def test_a_server_keeps_the_row_and_checks_tokens_without_the_database(web: Web, database: Database) -> None:
    token = issue_for_harbour_bank(web)

    async def find() -> Credential | None:
        conn = await psycopg.AsyncConnection.connect(database.web, autocommit=True)
        async with conn, as_entrance_async(conn):
            return await credentials.find_credential_async(conn, token.id)

    kept = asyncio.run(find())
    assert kept == verified(web, token, NOW_NS)
    assert check(kept, parse_token(str(token)), NOW_NS) is kept

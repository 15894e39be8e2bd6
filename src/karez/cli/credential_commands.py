"""``karez credentials issue``, ``list`` and ``revoke``."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from rich.table import Table

from karez.cli.credentials import every_scope_of, find_institution, issue_token, list_credentials
from karez.cli.first_start import ensure_operator
from karez.cli.output import print_json, screen
from karez.cli.reach import reached_database
from karez.core.clock import SystemClock
from karez.core.config import settings_from_environment
from karez.parties import credentials
from karez.storage.database import connect
from karez.storage.tenant import as_operator


def issue(
    institution: str,
    scopes: Sequence[str],
    label: str,
    life_days: int,
    login_name: str | None,
    as_json: bool,
) -> None:
    """Issue a token and show it, which is the only time that anybody can see it."""
    now_ns = SystemClock().now_ns()
    with _acting_as_operator() as conn:
        ensure_operator(conn, now_ns)
        owner = find_institution(conn, institution)
        token = issue_token(
            conn, owner, scopes or every_scope_of(owner), label, life_days, now_ns, login_name
        )
    if as_json:
        print_json({"id": token.id, "token": str(token)})
        return
    screen.print(f"The token of {institution}, shown only this once: {token}", markup=False)
    screen.print(
        f"It works for {life_days} days; karez credentials revoke {token.id} ends it before.", markup=False
    )


def show(institution: str, as_json: bool) -> None:
    """Show the credentials of an institution; their tokens are stored nowhere."""
    with _acting_as_operator() as conn:
        lines = list_credentials(conn, find_institution(conn, institution), SystemClock().now_ns())
    if as_json:
        print_json({"credentials": lines})
        return
    table = Table(title=f"Credentials of {institution}", title_justify="left")
    for name in ("Id", "Label", "State", "Expires (UTC)", "Scopes"):
        table.add_column(name, overflow="fold")
    for line in lines:
        table.add_row(str(line.id), line.label, line.state, line.expires, " ".join(line.scopes))
    screen.print(table)
    screen.print(f"karez credentials issue --institution {institution} makes another one.", markup=False)


def revoke(credential: UUID) -> None:
    """End a credential at once."""
    with _acting_as_operator() as conn:
        credentials.revoke(conn, credential, SystemClock().now_ns())
    screen.print(
        f"Credential {credential} is revoked; a running Karez refuses it within seconds.", markup=False
    )


@contextmanager
def _acting_as_operator() -> Iterator[psycopg.Connection[Any]]:
    settings = settings_from_environment()
    with reached_database(settings) as database, connect(database.web) as conn, as_operator(conn):
        yield conn

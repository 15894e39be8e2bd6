"""An operation is a value: all that one request changes, ready to be committed or refused as a whole."""

from uuid import UUID

import msgspec

from karez.ledger.model import NewAccount, Transfer

Scalar = str | int | bool | None
"""A column's value as JSON carries it: dates and uuids as text, binary as ``\\x`` hexadecimal text."""


class RowInsert(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="insert"):
    """A row to add; the operation is refused if the key is taken.

    Attributes:
        table: Name of the table.
        key: The columns of its primary key.
        values: The other columns.
    """

    table: str
    key: dict[str, Scalar]
    values: dict[str, Scalar]


class RowUpdate(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="update"):
    """A row to change; the operation is refused if it is not in the expected state.

    Attributes:
        table: Name of the table.
        key: The columns of its primary key.
        expected: Columns and the values that they must have now.
        changes: Columns and their new values.
    """

    table: str
    key: dict[str, Scalar]
    expected: dict[str, Scalar]
    changes: dict[str, Scalar]


class Event(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Something to announce once the operation is committed.

    Attributes:
        id: The event's id, which receivers use to drop repetitions.
        topic: What happened, for example ``account.opened``.
        payload: JSON object.
    """

    id: UUID
    topic: str
    payload: msgspec.Raw


class Operation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request's whole effect.

    Attributes:
        id: Makes retries safe: the same id is carried out once and always gets the same reply.
        kind: What it is, for example ``account.open``.
        actor: Who asked, as the audit log names them.
        fingerprint: Digest of the request, to tell a retry from another request under a used id.
        reply: JSON that the caller gets once it is committed, also on every retry.
        institution: For whom; 0 means Karez itself, which may debit any account.
        accounts: Accounts to open.
        transfers: All of them pass, or none does.
        rows: Rows of the services' tables.
        events: Announcements for the outbox.
    """

    id: UUID
    kind: str
    actor: str
    fingerprint: bytes
    reply: msgspec.Raw
    institution: int = 0
    accounts: tuple[NewAccount, ...] = ()
    transfers: tuple[Transfer, ...] = ()
    rows: tuple[RowInsert | RowUpdate, ...] = ()
    events: tuple[Event, ...] = ()


class Outcome(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What became of one operation.

    Attributes:
        accepted: Whether it is committed.
        reply: The operation's reply if it is.
        repeated: Whether it had been committed before this request.
        code: Stable reason of a refusal.
        sentence: The same for people.
        item: Index of the refused transfer, account or row.
    """

    accepted: bool
    reply: msgspec.Raw = msgspec.Raw(b"null")
    repeated: bool = False
    code: str = ""
    sentence: str = ""
    item: int | None = None

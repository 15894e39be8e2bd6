"""What a service needs to know of a request to make an operation of it.

A service decides with pure functions: facts in, ``Operation`` out. All ids inside the operation derive from its
own id, so the same request makes the same operation, however often it is repeated.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from karez.core.ids import derived_id
from karez.ledger.model import NewAccount, Transfer
from karez.ledger.operations import Event, Operation, RowInsert, RowUpdate

encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Asking:
    """One request.

    Attributes:
        id: Of the operation that it becomes.
        actor: Who asks, as the audit log names them.
        fingerprint: Digest of the request.
        now_ns: The present moment.
    """

    id: UUID
    actor: str
    fingerprint: bytes
    now_ns: int

    def made_id(self, kind: str, number: int = 0) -> UUID:
        """Return the id of something that the operation makes, such as its second ``transfer``."""
        return derived_id(self.id, kind, number)

    def event(
        self,
        topic: str,
        parties: tuple[UUID, ...],
        payload: Mapping[str, object],
        institutions: tuple[int, ...] = (),
    ) -> Event:
        """Return an announcement.

        Args:
            topic: What happened, such as ``trade.paid``; once in an operation.
            parties: The persons and shops who may learn of it.
            payload: What is told.
            institutions: The banks and billers who may learn of it.
        """
        receivers: dict[str, object] = {"parties": parties}
        if institutions:
            receivers["institutions"] = institutions
        return Event(
            id=derived_id(self.id, "event", topic),
            topic=topic,
            payload=msgspec.Raw(encode({**payload, **receivers})),
        )

    def operation(
        self,
        kind: str,
        reply: Any,
        *,
        accounts: tuple[NewAccount, ...] = (),
        transfers: tuple[Transfer, ...] = (),
        rows: tuple[RowInsert | RowUpdate, ...] = (),
        events: tuple[Event, ...] = (),
    ) -> Operation:
        """Return the operation; as the platform's own it may move money between anybody's accounts.

        Args:
            kind: What it is, such as ``trade.pay``.
            reply: What the caller is told, now and on every repetition.
            accounts: To open.
            transfers: All pass or none does.
            rows: To write.
            events: To announce.
        """
        return Operation(
            id=self.id,
            kind=kind,
            actor=self.actor,
            fingerprint=self.fingerprint,
            reply=msgspec.Raw(encode(reply)),
            accounts=accounts,
            transfers=transfers,
            rows=rows,
            events=events,
        )

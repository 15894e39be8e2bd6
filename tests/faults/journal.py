"""What each client was told, written down before it goes on: the yardstick for every restart."""

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import msgspec

from karez.core.ids import NIL
from karez.ledger.model import TRANSIENT, Status

_SPENDING = {status.code for status in TRANSIENT} | {Status.ID_ALREADY_FAILED.code}


class TransferAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="transfer"):
    """The final answer to one transfer.

    Attributes:
        id: The client's id, the same at every attempt.
        debit: Account that the stored row must name.
        credit: Likewise.
        amount: Minor units that the stored row must have.
        ledger: Unit that the stored row must have.
        flags: As they were sent.
        pending_id: The reservation that it settles.
        timeout_s: As it was sent.
        status: ``created`` also where a repetition was told that the transfer exists.
        timestamp_ns: As it was told; 0 if it was not.
    """

    id: UUID
    debit: UUID
    credit: UUID
    amount: int
    ledger: int
    flags: int
    status: str
    timestamp_ns: int
    pending_id: UUID = NIL
    timeout_s: int = 0

    @property
    def created(self) -> bool:
        """Whether the transfer was acknowledged as booked."""
        return self.status == Status.CREATED.code

    @property
    def spent(self) -> bool:
        """Whether the id was refused for good."""
        return self.status in _SPENDING


class OperationAnswer(msgspec.Struct, frozen=True, kw_only=True, tag="operation"):
    """The final answer to one operation.

    Attributes:
        id: The same at every attempt; everything else that has an id got a new one each time.
        payer: Whom it debits.
        payee: Whom it credits.
        amount: Minor units that it moves besides its fee.
        accepted: Whether it was acknowledged.
        code: Why not.
        reply: Its reply, byte for byte.
    """

    id: UUID
    payer: UUID
    payee: UUID
    amount: int
    accepted: bool
    code: str
    reply: str


Answer = TransferAnswer | OperationAnswer

_PART_SIZE_BYTES = 8 * 1024 * 1024

_decode = msgspec.json.Decoder(Answer).decode


class Journal:
    """A file that one client appends to.

    Args:
        path: Where it lies; it is made.
    """

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)

    def append(self, *answers: Answer) -> None:
        """Write answers down; on return they no longer depend on this process."""
        data = b"".join(msgspec.json.encode(answer) + b"\n" for answer in answers)
        written = os.write(self._descriptor, data)
        assert written == len(data), "the disk of the journals is full"

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)


class JournalReader:
    """Reads what the clients have written since the last time.

    Args:
        directory: Where all journals lie.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._offsets: dict[Path, int] = {}

    def read_new(self) -> Iterator[list[Answer]]:
        """Yield the answers written since the last call, of all clients, so many at a time."""
        for path in sorted(self._directory.glob("*.journal")):
            with path.open("rb") as file:
                file.seek(self._offsets.get(path, 0))
                while lines := file.readlines(_PART_SIZE_BYTES):
                    self._offsets[path] = file.tell()
                    yield list(map(_decode, lines))

"""Frames on the bookkeeper's Unix socket.

A frame is a header (payload size, kind, request number) and a payload. Transfers travel as the bytes of
their numpy arrays and are never parsed; operations and outcomes travel as JSON. A caller may send many
requests before the first answer; answers carry the request's number and come in any order.
"""

import asyncio
import struct
from collections.abc import Iterator
from enum import IntEnum
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from karez.ledger.group import TransferOutcome, TransferSubmission
from karez.ledger.model import TRANSFER_DTYPE
from karez.ledger.operations import Operation, Outcome

_HEADER = struct.Struct("<IBI")
PAYLOAD_SIZE_MAX_BYTES = 16 * 1024 * 1024
BALANCES_MAX = 8_192


class Kind(IntEnum):
    """What a frame carries."""

    TRANSFERS = 1
    OPERATION = 2
    BALANCES = 3
    STATISTICS = 4
    STATUSES = 101
    OUTCOME = 102
    TOTALS = 103
    FIGURES = 104
    UNAVAILABLE = 199


class Frame(NamedTuple):
    """One message."""

    kind: Kind
    request: int
    payload: bytes


class Trouble(msgspec.Struct, frozen=True):
    """Why a request could not be served, as ``Unavailable`` says it."""

    code: str
    sentence: str
    retry_after_s: float | None = None


class MalformedFrame(Exception):
    """The other side does not speak this protocol."""


def pack(kind: Kind, request: int, payload: bytes) -> bytes:
    """Return one frame as bytes."""
    return _HEADER.pack(len(payload), kind, request) + payload


class FrameWriter:
    """Sends the frames of one turn of the event loop together: each write is a system call of its own.

    Args:
        transport: Where they go.
    """

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._parts: list[bytes] = []

    def write(self, kind: Kind, request: int, payload: bytes) -> None:
        """Send one frame at the end of this turn."""
        if not self._parts:
            asyncio.get_running_loop().call_soon(self._flush)
        self._parts += (_HEADER.pack(len(payload), kind, request), payload)

    def _flush(self) -> None:
        parts, self._parts = self._parts, []
        if not self._transport.is_closing():
            self._transport.write(b"".join(parts))


class FrameReader:
    """Cuts a stream of bytes into frames."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[Frame]:
        """Take bytes in and yield every frame that is complete."""
        self._buffer += data
        position, end = 0, len(self._buffer)
        while end - position >= _HEADER.size:
            size, kind, request = _HEADER.unpack_from(self._buffer, position)
            if size > PAYLOAD_SIZE_MAX_BYTES:
                raise MalformedFrame(f"a frame of {size} bytes is larger than any of this protocol")
            first = position + _HEADER.size
            if end - first < size:
                break
            position = first + size
            yield Frame(Kind(kind), request, bytes(self._buffer[first:position]))
        del self._buffer[:position]


def pack_transfers(submission: TransferSubmission) -> bytes:
    """Return transfers, who asks, and chain ends, one after the other."""
    return b"".join(
        (
            submission.transfers.tobytes(),
            submission.institution.astype("<i4").tobytes(),
            submission.chain_end.astype(np.uint8).tobytes(),
        )
    )


_TRANSFER_SIZE = TRANSFER_DTYPE.itemsize + 4 + 1


def unpack_transfers(payload: bytes) -> TransferSubmission:
    """Undo ``pack_transfers`` without copying."""
    count, rest = divmod(len(payload), _TRANSFER_SIZE)
    if rest:
        raise MalformedFrame("the transfers do not fill whole records")
    institutions_at = count * TRANSFER_DTYPE.itemsize
    ends_at = institutions_at + 4 * count
    return TransferSubmission(
        np.frombuffer(payload, TRANSFER_DTYPE, count),
        np.frombuffer(payload, "<i4", count, institutions_at).astype(np.int32),
        np.frombuffer(payload, np.uint8, count, ends_at).astype(bool),
    )


def pack_statuses(outcome: TransferOutcome) -> bytes:
    """Return the first timestamp and the statuses."""
    return struct.pack("<q", outcome.first_timestamp_ns) + outcome.status.tobytes()


def unpack_statuses(payload: bytes) -> TransferOutcome:
    """Undo ``pack_statuses``."""
    (first_timestamp_ns,) = struct.unpack_from("<q", payload)
    return TransferOutcome(np.frombuffer(payload, np.uint8, offset=8), first_timestamp_ns)


def pack_ids(hi: NDArray[np.uint64], lo: NDArray[np.uint64]) -> bytes:
    """Return ids as their upper, then their lower halves."""
    return hi.astype("<u8").tobytes() + lo.astype("<u8").tobytes()


def unpack_ids(payload: bytes) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Undo ``pack_ids``."""
    halves = np.frombuffer(payload, "<u8").astype(np.uint64)
    return halves[: len(halves) // 2], halves[len(halves) // 2 :]


encode = msgspec.json.encode
"""Operations, outcomes, figures and trouble to bytes."""

decode_operation = msgspec.json.Decoder(Operation).decode
decode_outcome = msgspec.json.Decoder(Outcome).decode
decode_trouble = msgspec.json.Decoder(Trouble).decode
decode_figures = msgspec.json.Decoder(dict[str, int]).decode

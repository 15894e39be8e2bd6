"""Reads a text file line by line, plain or compressed, and says in one sentence where it cannot be read."""

import gzip
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

from karez.core.outcomes import Rejected

LINE_SIZE_MAX_BYTES = 64 * 1024 * 1024

_LINES_BETWEEN_ADVANCES = 256
_GZIP_MAGIC = b"\x1f\x8b"

Advance = Callable[[int], None]
"""Told how many bytes of the file have been read so far."""


class Line(NamedTuple):
    """One line of a file.

    Attributes:
        number: From 1.
        text: Without its end.
        whole: Whether its end was there; without one the file may have been cut.
    """

    number: int
    text: str
    whole: bool


def read_lines(path: Path, encoding: str, advance: Advance = lambda _: None) -> Iterator[Line]:
    """Yield the lines of a file; whether it is compressed with gzip is seen from its first bytes.

    Args:
        path: The file.
        encoding: Its character encoding.
        advance: Called now and then, for a progress bar.

    Rejections: ``file_unreadable`` with the file and the line.
    """
    number = 0
    try:
        with path.open("rb") as raw:
            compressed = raw.peek(len(_GZIP_MAGIC)).startswith(_GZIP_MAGIC)
            stream: BinaryIO = gzip.GzipFile(fileobj=raw) if compressed else raw  # type: ignore[assignment]
            measured = raw.seekable()
            while data := stream.readline(LINE_SIZE_MAX_BYTES):
                number += 1
                if len(data) == LINE_SIZE_MAX_BYTES:
                    raise unreadable(path, number, "the line is longer than 64 MiB; check that it is text")
                yield Line(number, data.rstrip(b"\r\n").decode(encoding), data.endswith(b"\n"))
                if measured and number % _LINES_BETWEEN_ADVANCES == 0:
                    advance(raw.tell())
            if measured:
                advance(raw.tell())
    except UnicodeDecodeError as error:
        raise unreadable(
            path, number, f"the text is not {encoding} ({error.reason}); convert the file"
        ) from error
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        reason = f"the compressed data is damaged or cut ({error}); fetch the file again"
        raise unreadable(path, number + 1, reason) from error
    except OSError as error:
        raise cannot_read(path, error) from error


def cannot_read(path: Path, error: OSError) -> Rejected:
    """Return the refusal of a file or directory that the operating system does not let us read."""
    reason = f"{error.strerror or error}; check the path and your right to read it"
    return Rejected("file_unreadable", f"{path} cannot be read: {reason}.", file=str(path))


def unreadable(path: Path, line: int, reason: str) -> Rejected:
    """Return the refusal of a file, naming the line.

    Args:
        path: The file.
        line: Its line, from 1.
        reason: What is wrong and what to do, as the second half of a sentence.
    """
    return Rejected("file_unreadable", f"{path}, line {line}: {reason}.", file=str(path), line=line)

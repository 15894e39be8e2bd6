"""What the libraries below have to say, in the form of our own log.

Only their fixed words are kept: what they fill in may be a value of a request.
"""

import logging

import msgspec

from karez.channels.api.moments import format_moment
from karez.channels.api.request_log import Write, to_standard_error


class LibraryLine(msgspec.Struct, frozen=True):
    """A warning of a library.

    Attributes:
        time: When.
        library: Name of its logger.
        level: How bad it is, such as ``WARNING``.
        message: Its words, without what was filled in.
    """

    time: str
    library: str
    level: str
    message: str


class LibraryLog(logging.Handler):
    """Writes each warning as a line of JSON.

    Args:
        write: Takes bytes that end with a line's end; the standard error by default.
    """

    def __init__(self, write: Write | None = None) -> None:
        super().__init__(logging.WARNING)
        self._write_line = write or to_standard_error

    def emit(self, record: logging.LogRecord) -> None:
        """Called by ``logging``."""
        time = format_moment(int(record.created * 1e9))
        line = LibraryLine(time, record.name, record.levelname, str(record.msg).strip())
        self._write_line(msgspec.json.encode(line) + b"\n")

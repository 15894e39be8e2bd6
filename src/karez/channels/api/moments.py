"""Moments as text: RFC 3339 in UTC with all nine digits of the nanoseconds.

JavaScript reads JSON numbers only exactly up to 2**53, which is far below a time in nanoseconds; a text loses
nothing, and such texts sort in the order of time.
"""

import re
from datetime import UTC, datetime

from karez.core.outcomes import Rejected

MOMENT_PATTERN = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"
)

_PARTS = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)", re.ASCII)
_NANOSECONDS = 1_000_000_000
_MOMENT_MAX_NS = 2**63 - 1
_SECONDS_KEPT_MAX = 64

# Most moments that are written lie in the present second, and its text costs more than all the rest.
_second_texts: dict[int, str] = {}


def format_moment(moment_ns: int) -> str:
    """Write a moment: ``format_moment(1) == "1970-01-01T00:00:00.000000001Z"``.

    Args:
        moment_ns: Nanoseconds since 1970-01-01 UTC.
    """
    second = moment_ns // _NANOSECONDS
    text = _second_texts.get(second)
    if text is None:
        if len(_second_texts) >= _SECONDS_KEPT_MAX:
            _second_texts.clear()
        text = _second_texts[second] = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S.")
    return f"{text}{moment_ns % _NANOSECONDS:09}Z"


def parse_moment(text: str) -> int:
    """Read a moment, with any offset from UTC, into nanoseconds since 1970-01-01 UTC.

    Args:
        text: RFC 3339, for example ``2026-09-21T14:13:20Z``.

    Rejections: ``moment_malformed``.
    """
    match = _PARTS.fullmatch(text)
    if match is not None:
        whole, fraction, offset = match.groups()
        try:
            second = int(datetime.fromisoformat(whole + ("+00:00" if offset == "Z" else offset)).timestamp())
        except (ValueError, OverflowError):
            second = -1
        moment_ns = second * _NANOSECONDS + int((fraction or "0").ljust(9, "0"))
        if 0 <= moment_ns <= _MOMENT_MAX_NS:
            return moment_ns
    raise Rejected(
        "moment_malformed",
        f"{text[:40]!r} is not a moment from 1970 to 2262; write it like 2026-09-21T14:13:20Z, and a plus sign"
        " in an address as %2B.",
    )

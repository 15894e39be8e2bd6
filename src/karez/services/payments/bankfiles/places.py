"""How a bank file is refused: always with the place in it, so that somebody can look there."""

from karez.core.outcomes import Rejected

SIZE_MAX_BYTES = 256 * 1024 * 1024
"""Larger than a statement of 200,000 entries; what is larger comes in several files."""

SHOWN_MAX = 40

_LINE_END = b"\n"


def malformed(place: str, fault: str) -> Rejected:
    """Return the rejection of a file that breaks the rules of its format.

    Args:
        place: Such as ``line 17`` or ``entry 3 (line 120)``.
        fault: What is wrong there.
    """
    return Rejected(
        "bank_file_malformed",
        f"{place}: {fault}; correct the file, or ask the bank for a new one. Nothing of it was read.",
        place=place,
    )


def shown(text: str) -> str:
    """Return the beginning of a text in quotes, to be shown in a sentence."""
    return repr(text[:SHOWN_MAX])


def check_bytes(data: bytes) -> None:
    """Refuse a file that is too large to be read, or that has bytes of zero, which no text has.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed``.
    """
    if len(data) > SIZE_MAX_BYTES:
        raise Rejected(
            "bank_file_too_large",
            f"The file has {len(data):,} bytes and {SIZE_MAX_BYTES:,} are read at most; send it in several parts.",
        )
    if b"\0" in data:
        place = line_of(data, data.index(b"\0"))
        raise malformed(place, "the file has zero bytes; only encodings that extend ASCII are read")


def line_of(data: bytes, position: int) -> str:
    """Return the line of a byte in a file."""
    return f"line {data.count(_LINE_END, 0, position) + 1}"

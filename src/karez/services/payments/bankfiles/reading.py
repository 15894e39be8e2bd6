"""Reads a bank's file of whichever kind: ISO 20022, MT940 or a table."""

from karez.services.payments.bankfiles.camt_reading import read_camt
from karez.services.payments.bankfiles.csv_reading import read_csv
from karez.services.payments.bankfiles.mt940_reading import read_mt940
from karez.services.payments.bankfiles.statements import BankStatement

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_LOOKED_AT_BYTES = 512


def read_bank_file(data: bytes) -> tuple[BankStatement, ...]:
    """Return the statements that a file holds, each with its account and entries.

    Args:
        data: The file as the bank sent it; its beginning tells its kind.

    Rejections: ``bank_file_too_large``, ``bank_file_malformed`` with the line or element, ``bank_message_unknown``.
    """
    beginning = data[:_LOOKED_AT_BYTES].removeprefix(_BYTE_ORDER_MARK).lstrip()
    if beginning.startswith(b"<"):
        return read_camt(data)
    if beginning.startswith((b":", b"{")):
        return read_mt940(data)
    return read_csv(data)

"""Writes the accepted transfers of a batch, as one COPY."""

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.batch import Batch, Evaluation
from karez.ledger.columns import AccountColumns
from karez.ledger.copy_rows import COPY_TRANSFERS, HEADER, TRAILER, blank_transfers

OperationIds = tuple[NDArray[np.uint64], NDArray[np.uint64]]

_ROWS_AT_ONCE = 2_048
"""So many rows fit into a processor's cache, and PostgreSQL reads them while the next ones are made."""
_TIMEOUT = np.uint64(0xFFFF_FFFF << 32)


def write_transfers(
    connection: psycopg.Connection,
    columns: AccountColumns,
    batch: Batch,
    evaluation: Evaluation,
    created: NDArray[np.bool_],
    operation_ids: OperationIds | None,
) -> None:
    """Append the accepted transfers of a batch.

    Args:
        connection: In the bookkeeper's transaction.
        columns: For the owners of the accounts.
        batch: What was evaluated.
        evaluation: What came of it.
        created: Which transfers were accepted.
        operation_ids: Halves of the operation's id by transfer; ``None`` if none belongs to one.
    """
    transfers = evaluation.transfers
    full = transfers.user_data != 0
    if not transfers.plain:
        full |= (transfers.pending_hi | transfers.pending_lo | transfers.form & _TIMEOUT) != 0
    if operation_ids is not None:
        full |= (operation_ids[0] | operation_ids[1]) != 0
    with connection.cursor() as cursor, cursor.copy(COPY_TRANSFERS) as copy:
        copy.write(HEADER)
        for slim, chosen in ((True, created & ~full), (False, created & full)):
            count = int(np.count_nonzero(chosen))
            if count == 0:
                continue
            indexes = None if count == len(batch) else np.flatnonzero(chosen)
            rows = blank_transfers(min(count, _ROWS_AT_ONCE), slim)
            for first in range(0, count, _ROWS_AT_ONCE):
                block = slice(first, min(first + _ROWS_AT_ONCE, count))
                part = block if indexes is None else indexes[block]
                filled = rows[: block.stop - first]
                _fill(filled, part, columns, batch, evaluation)
                if not slim:
                    _fill_further(filled, part, evaluation, operation_ids)
                copy.write(filled.view(np.uint8).data)
        copy.write(TRAILER)


def _fill(
    rows: NDArray[np.void],
    part: slice | NDArray[np.int64],
    columns: AccountColumns,
    batch: Batch,
    evaluation: Evaluation,
) -> None:
    """Set what every row has."""
    transfers = evaluation.transfers
    rows["id_hi"], rows["id_lo"] = transfers.id_hi[part], transfers.id_lo[part]
    rows["timestamp_ns"] = batch.timestamp_ns[part]
    rows["debit_account_hi"], rows["debit_account_lo"] = transfers.debit_hi[part], transfers.debit_lo[part]
    rows["credit_account_hi"], rows["credit_account_lo"] = (
        transfers.credit_hi[part],
        transfers.credit_lo[part],
    )
    rows["amount"] = transfers.amount[part]
    rows["ledger"], rows["code"] = transfers.ledger[part], transfers.code[part]
    rows["flags"] = transfers.flags[part]
    rows["debit_institution"] = columns.institution[evaluation.debit[part]]
    rows["credit_institution"] = columns.institution[evaluation.credit[part]]


def _fill_further(
    rows: NDArray[np.void],
    part: slice | NDArray[np.int64],
    evaluation: Evaluation,
    operation_ids: OperationIds | None,
) -> None:
    """Set what only rows of the full form have."""
    transfers = evaluation.transfers
    rows["pending_id_hi"], rows["pending_id_lo"] = transfers.pending_hi[part], transfers.pending_lo[part]
    rows["user_data"], rows["timeout_s"] = transfers.user_data[part], transfers.timeout_s[part]
    if operation_ids is not None:
        rows["operation_id_hi"], rows["operation_id_lo"] = operation_ids[0][part], operation_ids[1][part]

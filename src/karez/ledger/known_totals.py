"""The totals of accounts as of their last entry, kept in memory between two slices of the projection.

Looking them up costs as much as writing the entries; most accounts of a slice were in an earlier one.
"""

from typing import Any

import numpy as np
import psycopg
from numpy.typing import NDArray

from karez.ledger.array_parameters import array_cursor, uuid_array
from karez.ledger.id_index import IdIndex

_LOOK_UP = """
SELECT coalesce(e.debits_pending, 0), coalesce(e.debits_posted, 0),
       coalesce(e.credits_pending, 0), coalesce(e.credits_posted, 0), a.party
FROM unnest(%s::uuid[]) WITH ORDINALITY asked (id, place)
LEFT JOIN account a ON a.id = asked.id
LEFT JOIN LATERAL (
    SELECT * FROM account_entry WHERE account = asked.id ORDER BY timestamp_ns DESC LIMIT 1
) e ON true
ORDER BY asked.place
"""


class KnownTotals:
    """Accounts by slot, in the order in which they were met.

    Attributes:
        totals: int64, shape (capacity, 4): debits pending, debits posted, credits pending, credits posted.
        party_hi: uint64, upper half of the holder's id, 0 for none.
        party_lo: uint64, lower half.
    """

    def __init__(self) -> None:
        capacity = 1_024
        self._index = IdIndex(capacity)
        self.totals = np.zeros((capacity, 4), np.int64)
        self.party_hi = np.zeros(capacity, np.uint64)
        self.party_lo = np.zeros(capacity, np.uint64)

    def __len__(self) -> int:
        return len(self._index)

    def slots(
        self, connection: psycopg.Connection[Any], hi: NDArray[np.uint64], lo: NDArray[np.uint64]
    ) -> NDArray[np.int64]:
        """Return the slot of each account, after looking up those that are met for the first time.

        Args:
            connection: Of a role that sees every account and entry.
            hi: Upper halves of account ids.
            lo: Lower halves.
        """
        slots = self._index.find(hi, lo)
        unknown = slots < 0
        if unknown.any():
            ids = np.unique(np.stack([hi[unknown], lo[unknown]], axis=1), axis=0)
            self._look_up(connection, np.ascontiguousarray(ids[:, 0]), np.ascontiguousarray(ids[:, 1]))
            slots = self._index.find(hi, lo)
        return slots

    def _look_up(
        self, connection: psycopg.Connection[Any], hi: NDArray[np.uint64], lo: NDArray[np.uint64]
    ) -> None:
        with array_cursor(connection) as cursor:
            rows = cursor.execute(_LOOK_UP, (uuid_array(hi, lo),)).fetchall()
        first = len(self._index)
        self._index.add_halves(hi, lo)
        self._reserve(len(self._index))
        added = slice(first, len(self._index))
        self.totals[added] = [row[:4] for row in rows]
        parties = [0 if row[4] is None else row[4].int for row in rows]
        self.party_hi[added] = [party >> 64 for party in parties]
        self.party_lo[added] = [party & 2**64 - 1 for party in parties]

    def _reserve(self, needed: int) -> None:
        capacity = len(self.totals)
        if needed <= capacity:
            return
        more = max(capacity, needed - capacity)
        self.totals = np.concatenate([self.totals, np.zeros((more, 4), np.int64)])
        self.party_hi = np.concatenate([self.party_hi, np.zeros(more, np.uint64)])
        self.party_lo = np.concatenate([self.party_lo, np.zeros(more, np.uint64)])

"""Makes a bookkeeper do in minutes what otherwise takes it days, so that kills meet it in every state."""

from unittest.mock import patch

from karez.ledger import id_filter, slices

_TRANSFERS_PER_SLICE = 250
_FILTER_IDS = 4_000


def hurry() -> None:
    """Let the bookkeeper of this process write a balance slice and begin a new filter of ids every little while."""
    patch.object(slices, "_TRANSFERS_PER_SLICE_MAX", _TRANSFERS_PER_SLICE).start()
    patch.object(id_filter, "_CAPACITY", _FILTER_IDS).start()

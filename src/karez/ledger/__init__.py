"""The one book: accounts, transfers, their evaluation, the bookkeeper, statements, invariants."""

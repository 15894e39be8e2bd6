"""PostgreSQL as a part of Karez, run from the programs inside an installed wheel."""

from karez.storage.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]

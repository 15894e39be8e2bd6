"""Each migration says of its tables how they are spread over machines."""

import pytest

from karez.storage.migrations import Migration
from karez.storage.table_kinds import TableKind, declared_kinds


def step(number: int, text: str) -> Migration:
    return Migration("storage", number, "step", text)


def test_declarations_are_read_from_comment_lines() -> None:
    kinds = declared_kinds(
        [
            step(1, "-- table: unit reference\n-- table: account sharded by id\nCREATE TABLE unit ()"),
            step(2, "--table: job local\n-- a table: of no account"),
        ]
    )
    assert kinds["unit"] == TableKind("reference")
    assert kinds["account"] == TableKind("sharded", "id")
    assert kinds["job"] == TableKind("local")
    assert set(kinds) == {"unit", "account", "job", "karez_migration"}


def test_a_later_declaration_wins() -> None:
    steps = [step(1, "-- table: job local"), step(2, "-- table: job sharded by institution")]
    assert declared_kinds(steps)["job"] == TableKind("sharded", "institution")


@pytest.mark.parametrize("line", ["-- table: job", "-- table: job scattered", "-- table: job sharded by"])
def test_a_declaration_that_says_nothing_is_refused(line: str) -> None:
    with pytest.raises(ValueError, match="declares no kind"):
        declared_kinds([step(1, line)])

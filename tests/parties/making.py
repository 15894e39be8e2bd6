"""Short ways to the parties that the tests are about."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.core.sealing import Sealer
from karez.parties import people
from karez.parties.people import NewParty
from karez.parties.personal import PersonalData
from karez.storage.tenant import as_operator

NOW_NS = 1_790_000_000_000_000_000
SECOND_NS = 1_000_000_000

OPERATOR, HARBOUR_BANK, HILL_BANK = 1, 2, 3

ANA = PersonalData(
    "王小红 Ana", "+86 138-0013 8000", "Ana.Wang@Example.org", "CN:11010519491231002x"
).normalised()
BEN = PersonalData("Ben Okafor", "+234 803 123 4567", "ben@example.org", "NG:A00123456").normalised()


def register_one(
    conn: psycopg.Connection[Any], sealer: Sealer, personal: PersonalData, institution: int | None
) -> UUID:
    """Register a person by the operator."""
    party = new_id(NOW_NS)
    with as_operator(conn):
        people.register(conn, sealer, [NewParty(party, "person", institution, personal)], NOW_NS)
    return party


@contextmanager
def refused(code: str) -> Iterator[None]:
    """Expect a rejection with this code."""
    with pytest.raises(Rejected) as rejection:
        yield
    assert rejection.value.code == code

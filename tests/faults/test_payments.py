"""Whatever is killed while people pay: escrow has what open trades hold, and each payment was captured once."""

import os
import random
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

import httpx
import pytest

from karez.ledger.invariants import INVARIANTS, check_book
from karez.services.payments import invariants as payments
from karez.storage.database import connect
from tests.channels.api.town import done, open_town
from tests.faults.buyers import Market, Told, make_market
from tests.faults.faults import Fault, faults_in_turn, strike
from tests.faults.planted import environment
from tests.faults.planted.payment_bugs import PAYMENT_BUGS
from tests.faults.system import System

KILL_COUNT = 200 if os.environ.get("KAREZ_LONG") == "1" else 8
REPEATED_COUNT = 10
BUYERS_AT_ONCE = 6
PLANTED_LIMIT_S = 60

MIX = {
    Fault.BOOKKEEPER_KILLED: 3,
    Fault.POSTMASTER_KILLED: 1,
    Fault.POSTGRES_QUITS: 1,
    Fault.WEB_KILLED: 2,
    Fault.SUPERVISOR_KILLED: 1,
}

_PAYMENTS = """
SELECT count(*), count(DISTINCT t.operation_id), (SELECT count(*) FROM trade WHERE paid_ns IS NOT NULL)
FROM transfer t WHERE t.code = 3003
"""
_ANNOUNCED = """
SELECT t.id FROM trade t WHERE t.paid_ns IS NOT NULL AND (
    SELECT count(*) FROM outbox_event e WHERE e.topic = 'trade.paid' AND e.payload::jsonb ->> 'id' = t.id::text
) <> 1
"""
_RETURNED = """
SELECT t.id FROM trade t JOIN (
    SELECT trade, sum(amount_minor) AS amount FROM refund GROUP BY trade
) r ON r.trade = t.id
WHERE r.amount > t.amount_minor
"""


@contextmanager
def running_system(environment: Mapping[str, str] = MappingProxyType({})) -> Iterator[System]:
    # A short path, because the addresses of sockets are short.
    place = Path(tempfile.mkdtemp(prefix="karez-faults-"))
    system = System(place / "data", environment)
    try:
        system.start()
        system.wait_until_ready()
        yield system
    finally:
        system.stop()
        shutil.rmtree(place, ignore_errors=True)


def move_in(system: System) -> Market:
    """Admit a bank, and let people and shops come through it."""
    while not (token := re.search(r"once:\s+(kz_\S+)\s", system.log.read_text())):
        time.sleep(0.05)
    url = f"http://127.0.0.1:{system.port}"
    with httpx.Client(base_url=url, headers={"Authorization": f"Bearer {token[1]}"}, timeout=60) as operator:
        body = {"code": "harbour-bank", "name": "Harbour Bank", "kind": "bank"}
        number = done(operator.post("/v1/institutions", json=body), 201).json()["number"]
        scopes = ["parties:write", "payments:read", "payments:write"]
        issued = operator.post(
            "/v1/credentials", json={"label": "app", "institution": number, "scopes": scopes}
        )
        bank_token = done(issued, 201).json()["token"]
        with httpx.Client(
            base_url=url, headers={"Authorization": f"Bearer {bank_token}"}, timeout=60
        ) as bank:
            return make_market(open_town(bank, operator, number=number), url, bank_token)


def violations(system: System) -> list[str]:
    """Return what is not as it must be."""
    with connect(system.database().owner) as conn:
        found = [
            violation.sentence
            for result in check_book(conn, (*INVARIANTS, *payments.INVARIANTS))
            for violation in result.violations
        ]
        counts = conn.execute(_PAYMENTS).fetchone()
        assert counts is not None
        if len(set(counts)) != 1:
            found.append(f"payments, operations that made them, trades that were paid: {counts}")
        found += [f"trade {trade} was refunded beyond its price" for (trade,) in conn.execute(_RETURNED)]
        found += [f"that trade {trade} was paid was not told once" for (trade,) in conn.execute(_ANNOUNCED)]
    return found


def answered_otherwise(market: Market, chance: random.Random) -> list[tuple[Told, bytes]]:
    """Repeat some of what was acknowledged and return what is answered in other words now."""
    chosen = chance.sample(market.told, min(REPEATED_COUNT, len(market.told)))
    with market.client() as client:
        answers = [(step, market.repeat(client, step)) for step in chosen]
    return [(step, answer) for step, answer in answers if answer != step.answer]


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.timeout(3_600 if KILL_COUNT > 100 else 600)
def test_escrow_and_payments_stay_right_over_kills() -> None:
    chance = random.Random(random.randrange(10_000))
    with running_system() as system:
        market = move_in(system)
        faults = faults_in_turn(MIX, chance)
        with market.trading(BUYERS_AT_ONCE):
            for _ in range(KILL_COUNT):
                time.sleep(chance.uniform(0.3, 1.0))
                assert list(strike(next(faults), system, chance)) == []
                with market.at_rest():
                    assert market.failures == []
                    assert violations(system) == []
                    assert answered_otherwise(market, chance) == []
        assert len(market.told) > KILL_COUNT
        assert violations(system) == []


@pytest.mark.skipif(sys.platform != "linux", reason="processes are found in /proc")
@pytest.mark.timeout(300)
@pytest.mark.parametrize("bug", PAYMENT_BUGS)
def test_a_planted_bug_of_payments_is_found(bug: str) -> None:
    with running_system(environment(bug)) as system:
        market = move_in(system)
        with market.trading(BUYERS_AT_ONCE):
            until_s = time.monotonic() + PLANTED_LIMIT_S
            found: list[str] = []
            while not found and time.monotonic() < until_s:
                time.sleep(0.5)
                with market.at_rest():
                    found = [*market.failures, *violations(system)]
        assert found

"""A sound book breaks no invariant, and each invariant sees what it is there to see."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from karez.core.clock import SimulatedClock
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.invariants import INVARIANTS, CheckResult, check_book
from karez.ledger.invariants.violations import VIOLATIONS_MAX, Violation
from karez.ledger.model import AccountFlags, NewAccount, Transfer, TransferFlags
from karez.ledger.projection import project_entries
from karez.storage.database import Database, connect
from tests.ledger.histories import History
from tests.ledger.making import BANK, CNY, COUPON, SHOP, operation, settle, submission, transfer

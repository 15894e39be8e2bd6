"""What is stored of a large batch in which the forms of rows are mixed."""

from uuid import UUID

import numpy as np

from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.model import Status, Transfer, TransferFlags
from karez.storage.database import Database, connect
from tests.ledger.conftest import OpenAccount
from tests.ledger.making import BANK, CNY, SHOP, START_NS, statuses

_STORED = """
SELECT id, debit_account, credit_account, amount, coalesce(pending_id, '00000000-0000-0000-0000-000000000000'),
       coalesce(user_data, 0), ledger, code, flags, coalesce(timeout_s, 0), debit_institution, credit_institution
FROM transfer ORDER BY timestamp_ns
"""


def test_a_large_batch_of_all_kinds_is_stored_as_it_was_asked_for(
    book: Bookkeeper, open_account: OpenAccount, furnished: Database
) -> None:
    bank, shop = open_account(institution=BANK), open_account(institution=SHOP)
    rng = np.random.default_rng(1)
    wanted = [
        Transfer(
            id=UUID(int=(START_NS // 10**6 << 80) + number),
            debit_account_id=bank,
            credit_account_id=shop,
            amount=int(rng.integers(1, 2**40)),
            ledger=CNY,
            code=int(rng.integers(1, 2**16)),
            flags=int(TransferFlags.PENDING) if number % 3 == 0 else 0,
            timeout_s=1_000 if number % 6 == 0 else 0,
            user_data=int(rng.integers(1, 2**63)) if number % 5 == 0 else 0,
        )
        for number in range(1, 6_001)
    ]
    wanted[5_000:] = [
        Transfer(id=transfer.id, pending_id=wanted[number].id, flags=int(TransferFlags.VOID))
        for number, transfer in zip(range(2, 3_000, 3), wanted[5_000:], strict=False)
    ]
    assert set(statuses(book, *wanted)) == {Status.CREATED}
    with connect(furnished.owner) as connection:
        stored = connection.execute(_STORED).fetchall()
    reserved = {transfer.id: transfer for transfer in wanted}
    for row, asked in zip(stored, wanted, strict=True):
        known = reserved.get(asked.pending_id, asked)
        assert row == (
            asked.id,
            bank,
            shop,
            known.amount,
            asked.pending_id,
            asked.user_data,
            CNY,
            known.code,
            asked.flags,
            asked.timeout_s,
            BANK,
            SHOP,
        )

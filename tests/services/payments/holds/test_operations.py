"""What a capture does to a hold, decided without a book."""

from dataclasses import replace
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.ledger.model import TransferFlags
from karez.ledger.operations import RowUpdate
from karez.services.asking import Asking
from karez.services.payments.holds.operations import Capturing, capture, expire, release
from karez.services.payments.holds.records import Hold
from karez.services.payments.house import Currency, House

NOW_NS = 1_700_000_000_000_000_000
SECOND_NS = 1_000_000_000
HOUSE = House(9, {"CNY": Currency("CNY", 2, 1, 2, 3)})
PAYER, SHOP = new_id(NOW_NS), new_id(NOW_NS)
HOLD = Hold(
    id=new_id(NOW_NS),
    payer=PAYER,
    shop=SHOP,
    reference=None,
    title="Room 12",
    currency="CNY",
    amount_minor=1_000,
    held_minor=1_000,
    captured_minor=0,
    pending_id=new_id(NOW_NS),
    state="held",
    due_ns=NOW_NS + 100 * SECOND_NS,
    placed_ns=NOW_NS,
    ended_ns=None,
)


def asking(now_ns: int = NOW_NS) -> Asking:
    return Asking(new_id(now_ns), "test", b"", now_ns)


def refusal(hold: Hold, amount_minor: int = 1, shop: UUID = SHOP, now_ns: int = NOW_NS) -> str:
    with pytest.raises(Rejected) as refused:
        capture(asking(now_ns), HOUSE, hold, False, shop, Capturing("x", amount_minor, True))
    return refused.value.code


@given(st.integers(1, 1_000), st.booleans(), st.integers(0, 100 * SECOND_NS - 1))
def test_the_rest_stays_reserved_until_the_same_moment(
    amount_minor: int, is_final: bool, later_ns: int
) -> None:
    made = capture(
        asking(NOW_NS + later_ns), HOUSE, HOLD, False, SHOP, Capturing("x", amount_minor, is_final)
    )
    post, *rest = made.transfers
    assert (post.pending_id, post.amount, post.flags) == (HOLD.pending_id, amount_minor, TransferFlags.POST)
    if is_final or amount_minor == 1_000:
        assert rest == []
        return
    (again,) = rest
    assert again.amount == 1_000 - amount_minor
    ends_ns = NOW_NS + later_ns + again.timeout_s * SECOND_NS
    assert HOLD.due_ns is not None
    assert 0 <= ends_ns - HOLD.due_ns < SECOND_NS
    update = made.rows[0]
    assert isinstance(update, RowUpdate)
    assert update.changes["pending_id"] == str(again.id)
    assert update.expected == {"state": "held", "pending_id": str(HOLD.pending_id)}


def test_a_capture_that_cannot_be_is_refused_by_its_name() -> None:
    assert refusal(HOLD, 1_001) == "capture_exceeds_hold"
    assert refusal(HOLD, 0) == "amount_not_positive"
    assert refusal(HOLD, shop=PAYER) == "hold_not_yours"
    assert refusal(HOLD, now_ns=NOW_NS + 100 * SECOND_NS) == "hold_expired"
    ended = replace(HOLD, state="released", due_ns=None, held_minor=0, ended_ns=NOW_NS)
    assert refusal(ended) == "hold_state_wrong"
    assert refusal(replace(ended, state="expired")) == "hold_expired"


def test_a_release_frees_the_reservation_and_an_expiry_only_records_it() -> None:
    (void,) = release(asking(), HOLD, SHOP).transfers
    assert (void.pending_id, void.flags) == (HOLD.pending_id, TransferFlags.VOID)
    assert expire(asking(), HOLD).transfers == ()


def test_nobody_but_the_shop_releases_a_hold() -> None:
    with pytest.raises(Rejected) as refused:
        release(asking(), HOLD, PAYER)
    assert refused.value.code == "hold_not_yours"

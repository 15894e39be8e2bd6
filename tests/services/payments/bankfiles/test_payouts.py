"""A payout file keeps the schema, holds each amount to the last digit, and holds nothing that a bank cannot read."""

from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.fields import is_iban
from karez.services.payments.bankfiles.messages import read_message
from karez.services.payments.bankfiles.payouts import BankAccount, PayoutBatch, write_payouts
from tests.services.payments.bankfiles.conftest import ValidityCheck
from tests.services.payments.bankfiles.making import IBAN, batch, payout, texts

ACCOUNTS = st.builds(
    BankAccount,
    name=texts(140),
    account=texts(34) | st.just(IBAN),
    bank=st.just("") | st.just("DEUTDEFF500") | texts(35),
)
PAYOUTS = st.builds(
    payout,
    end_to_end_id=texts(35),
    creditor=ACCOUNTS,
    amount_minor=st.integers(1, 10**14),
    currency=st.sampled_from(["CNY", "JPY", "KWD"]),
    text=st.just("") | texts(140),
)
BATCHES = st.builds(
    lambda payouts, **fields: batch(*payouts, **fields),
    payouts=st.lists(PAYOUTS, min_size=1, max_size=5, unique_by=lambda each: each.end_to_end_id),
    reference=texts(35),
    initiator=texts(140),
    debtor=ACCOUNTS,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(made=BATCHES)
def test_whatever_can_be_paid_out_is_written_as_the_schema_wants_it(
    is_valid: ValidityCheck, made: PayoutBatch
) -> None:
    assert is_valid(write_payouts(made))


@pytest.mark.parametrize(
    ("amount_minor", "currency", "written"),
    [
        (1230, "CNY", "12.30"),
        (5, "CNY", "0.05"),
        (500, "JPY", "500"),
        (1, "KWD", "0.001"),
        (10**17, "CNY", "1000000000000000.00"),
    ],
)
def test_an_amount_is_written_with_the_decimals_of_its_currency(
    amount_minor: int, currency: str, written: str
) -> None:
    data = write_payouts(batch(payout(amount_minor=amount_minor, currency=currency)))
    assert f'<InstdAmt Ccy="{currency}">{written}</InstdAmt>'.encode() in data
    assert f"<CtrlSum>{written}</CtrlSum>".encode() in data


def test_the_bank_can_check_how_many_transfers_there_are_and_what_they_sum_to() -> None:
    payouts = [payout(end_to_end_id=f"PO-{number}", amount_minor=number) for number in range(1, 101)]
    order = read_message(write_payouts(batch(*payouts))).cstmr_cdt_trf_initn
    assert order.grp_hdr.nb_of_txs == order.pmt_inf[0].nb_of_txs == "100"
    assert order.grp_hdr.ctrl_sum == order.pmt_inf[0].ctrl_sum == Decimal("50.50")
    assert [each.pmt_id.end_to_end_id for each in order.pmt_inf[0].cdt_trf_tx_inf] == [
        each.end_to_end_id for each in payouts
    ]


def test_the_batch_is_named_so_that_the_bank_can_book_it_as_one() -> None:
    order = read_message(write_payouts(batch(payout()))).cstmr_cdt_trf_initn
    assert (order.pmt_inf[0].pmt_inf_id, order.pmt_inf[0].btch_bookg) == ("BATCH-1", True)


@pytest.mark.parametrize(
    ("made", "code"),
    [
        pytest.param(batch(), "payouts_empty", id="nothing"),
        pytest.param(batch(payout(amount_minor=0)), "amount_not_positive", id="zero"),
        pytest.param(batch(payout(amount_minor=-1)), "amount_not_positive", id="negative"),
        pytest.param(batch(payout(amount_minor=10**18)), "amount_too_large", id="19 digits"),
        pytest.param(
            batch(*(payout(end_to_end_id=name, amount_minor=10**18 - 1) for name in "ab")),
            "amount_too_large",
            id="a sum of 19 digits",
        ),
        pytest.param(batch(payout(currency="XXX")), "currency_unknown", id="currency"),
        pytest.param(batch(payout(), payout()), "payout_reference_repeated", id="the same id twice"),
        pytest.param(batch(payout(end_to_end_id="x" * 36)), "bank_field_refused", id="long id"),
        pytest.param(batch(payout(end_to_end_id="")), "bank_field_refused", id="no id"),
        pytest.param(batch(payout(text="a\0b")), "bank_field_refused", id="a character that XML cannot hold"),
        pytest.param(batch(payout(text="a\nb")), "bank_field_refused", id="a line break"),
        pytest.param(batch(payout(), reference=" BATCH"), "bank_field_refused", id="a space at an end"),
        pytest.param(
            batch(payout(creditor=BankAccount(name="Shop", account="1" * 35))),
            "bank_field_refused",
            id="account",
        ),
    ],
)
def test_what_no_bank_file_can_hold_is_refused(made: PayoutBatch, code: str) -> None:
    with pytest.raises(Rejected) as rejection:
        write_payouts(made)
    assert rejection.value.code == code


def test_an_iban_with_a_digit_wrong_is_written_as_an_ordinary_number(is_valid: ValidityCheck) -> None:
    wrong = "DE89370400440532013001"
    assert is_iban(IBAN)
    assert not is_iban(wrong)
    data = write_payouts(batch(payout(creditor=BankAccount(name="Shop", account=wrong))))
    assert f"<Othr><Id>{wrong}</Id></Othr>".encode() in data
    assert is_valid(data)

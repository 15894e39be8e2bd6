"""A statement is read back as it was written, whatever it holds, and its balances must fit its entries."""

from datetime import date
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statement_writing import write_statement
from karez.services.payments.bankfiles.statements import BankStatement, Direction, check_balances
from tests.services.payments.bankfiles.conftest import ValidityCheck
from tests.services.payments.bankfiles.making import DAY, IBAN, NOW_NS, entry, statement, texts

FILLERS = {"NOTPROVIDED", "NOT PROVIDED", "NONREF", "NOREF", "NONE"}
DAYS = st.dates(date(2000, 1, 1), date(2099, 12, 31))
REFERENCES = texts(35).filter(lambda text: text.upper() not in FILLERS)
ENTRIES = st.builds(
    entry,
    booking_day=DAYS,
    value_day=DAYS,
    amount_minor=st.integers(0, 10**17),
    direction=st.sampled_from(Direction),
    references=st.lists(REFERENCES, max_size=3, unique=True).map(tuple),
    bank_reference=st.just("") | texts(35),
    counterparty=st.just("") | st.just(IBAN) | texts(34),
    counterparty_name=st.just("") | texts(140),
    text=st.just("") | texts(140),
    booked=st.booleans(),
)
STATEMENTS = st.builds(
    lambda entries, **fields: statement(*entries, **fields),
    entries=st.lists(ENTRIES, max_size=4),
    opening_minor=st.integers(-(10**16), 10**16),
    identification=texts(35),
    account=texts(34) | st.just(IBAN),
)


@settings(deadline=None, max_examples=50)
@given(STATEMENTS)
def test_a_statement_is_read_back_as_it_was_written(made: BankStatement) -> None:
    assert read_bank_file(write_statement(made, "MSG-1", NOW_NS)) == (made,)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=50)
@given(made=STATEMENTS)
def test_whatever_a_statement_holds_it_is_written_as_the_schema_wants_it(
    is_valid: ValidityCheck, made: BankStatement
) -> None:
    assert is_valid(write_statement(made, "MSG-1", NOW_NS))


@pytest.mark.parametrize("name", ["\U0001f36d" * 140, "\u8336" * 140, "Tea & Sons <\u8336\u9986>", "x" * 140])
@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
def test_every_name_and_currency_is_written_as_the_schema_wants_it(
    is_valid: ValidityCheck, name: str, currency: str
) -> None:
    named = entry(counterparty_name=name, text=name, currency=currency)
    for entries in ((), (named,), (named, named)):
        data = write_statement(statement(*entries, currency=currency), "MSG-1", NOW_NS)
        assert is_valid(data)
        (read,) = read_bank_file(data)
        assert [each.counterparty_name for each in read.entries] == [name for _ in entries]


@pytest.mark.parametrize("currency", ["CNY", "JPY", "KWD"])
def test_amounts_survive_in_currencies_of_all_exponents(currency: str) -> None:
    made = statement(entry(amount_minor=1_234_567, currency=currency), currency=currency)
    (read,) = read_bank_file(write_statement(made, "MSG-1", NOW_NS))
    assert (read.entries[0].amount_minor, read.entries[0].currency) == (1_234_567, currency)


def test_a_statement_whose_entries_do_not_lead_to_its_closing_balance_is_refused() -> None:
    made = statement(entry())
    check_balances(made)
    missing = statement(entry(), entries=())
    with pytest.raises(Rejected) as rejection:
        check_balances(missing)
    assert rejection.value.code == "statement_not_balanced"
    assert "lead to 0.00 CNY, but its closing balance is 10.00 CNY" in rejection.value.sentence
    with pytest.raises(Rejected, match="statement_not_balanced"):
        write_statement(missing, "MSG-1", NOW_NS)


@pytest.mark.parametrize(
    "fields", [{"opening": None}, {"closing": None}, {"entries": (entry(currency="USD"),)}]
)
def test_where_the_bank_does_not_tell_enough_the_balances_are_not_judged(fields: dict[str, Any]) -> None:
    check_balances(statement(entry(), **fields))


def test_an_announced_entry_is_not_part_of_the_balance() -> None:
    check_balances(statement(entry(booked=False), entry()))


def test_what_a_statement_cannot_hold_is_refused() -> None:
    for made, code in (
        (statement(entry(text="\x07")), "bank_field_refused"),
        (statement(entry(references=("x" * 36,))), "bank_field_refused"),
        (statement(entry(amount_minor=10**18), opening=None), "amount_too_large"),
        (statement(entry(currency="XXX"), opening=None), "currency_unknown"),
    ):
        with pytest.raises(Rejected) as rejection:
            write_statement(made, "MSG-1", NOW_NS)
        assert rejection.value.code == code


def test_the_days_of_a_statement_are_told_even_without_a_closing_balance() -> None:
    made = statement(entry(), closing=None)
    (read,) = read_bank_file(write_statement(made, "MSG-1", NOW_NS))
    assert read.until_day == DAY

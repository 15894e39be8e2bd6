"""Writes account statements as ISO 20022 ``camt.053.001.08``, as a bank does for its customer.

The simulator bank uses it, and so does an institution that gives its own customers statements. What
``camt_reading`` reads back from the file is the statement that was written.

Source: ISO 20022 Message Definition Report, Bank-to-Customer Cash Management 2019 (version 08).
"""

from datetime import UTC, date, datetime
from typing import Any

from pyiso20022.camt import camt_053_001_08 as camt
from xsdata.models.datatype import XmlDate, XmlDateTime

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.fields import REFERENCE_LENGTH_MAX, check_text, is_iban
from karez.services.payments.bankfiles.messages import write_message
from karez.services.payments.bankfiles.statements import (
    Balance,
    BankEntry,
    BankStatement,
    Direction,
    check_balances,
)
from karez.services.payments.bankfiles.values import decimal_amount

_ACCOUNT_LENGTH_MAX = 34
_NAME_LENGTH_MAX = 140
_TEXT_LENGTH_MAX = 140
_DIGITS_MAX = 18
_SECOND_NS = 1_000_000_000
_OPENING, _CLOSING = "OPBD", "CLBD"


def write_statement(statement: BankStatement, message_id: str, created_ns: int) -> bytes:
    """Write one statement as a file.

    Args:
        statement: With an account; one of its balances is told, and both fit its entries. An entry of several
            references is written as a batch with one transaction for each.
        message_id: Names the file.
        created_ns: When it is made.

    Rejections: ``statement_not_balanced``, ``currency_unknown``, ``amount_too_large``, ``bank_field_refused``.
    """
    assert statement.opening or statement.closing, "the schema wants a balance"
    check_balances(statement)
    created = XmlDateTime.from_datetime(datetime.fromtimestamp(created_ns // _SECOND_NS, UTC))
    balances = [(_OPENING, statement.opening), (_CLOSING, statement.closing)]
    written = camt.AccountStatement9(
        id=_reference("Statement", statement.identification),
        cre_dt_tm=created,
        fr_to_dt=_period(statement),
        acct=camt.CashAccount39(id=_account(statement.account)),
        bal=[_balance(code, balance) for code, balance in balances if balance is not None],
        ntry=[_entry(entry) for entry in statement.entries],
    )
    header = camt.GroupHeader81(msg_id=_reference("Message", message_id), cre_dt_tm=created)
    document = camt.BankToCustomerStatementV08(grp_hdr=header, stmt=[written])
    return write_message(camt.Document(bk_to_cstmr_stmt=document))


def _period(statement: BankStatement) -> Any:
    until = statement.until_day
    if until is None:
        return None
    days = [entry.booking_day for entry in statement.entries]
    first = statement.opening.day if statement.opening is not None else min(days, default=until)
    return camt.DateTimePeriod1(
        fr_dt_tm=XmlDateTime(first.year, first.month, first.day, 0, 0, 0),
        to_dt_tm=XmlDateTime(until.year, until.month, until.day, 23, 59, 59),
    )


def _balance(code: str, balance: Balance) -> Any:
    return camt.CashBalance8(
        tp=camt.BalanceType13(cd_or_prtry=camt.BalanceType10Choice(cd=code)),
        amt=_amount(abs(balance.amount_minor), balance.currency),
        cdt_dbt_ind=_indicator(Direction.CREDIT if balance.amount_minor >= 0 else Direction.DEBIT),
        dt=_day(balance.day),
    )


def _entry(entry: BankEntry) -> Any:
    domain = camt.ProprietaryBankTransactionCodeStructure1(cd="NTRF")
    return camt.ReportEntry10(
        amt=_amount(entry.amount_minor, entry.currency),
        cdt_dbt_ind=_indicator(entry.direction),
        sts=camt.EntryStatus1Choice(cd="BOOK" if entry.booked else "PDNG"),
        bookg_dt=_day(entry.booking_day),
        val_dt=_day(entry.value_day),
        acct_svcr_ref=_reference("Bank reference", entry.bank_reference) if entry.bank_reference else None,
        bk_tx_cd=camt.BankTransactionCodeStructure4(prtry=domain),
        ntry_dtls=[camt.EntryDetails9(tx_dtls=_transactions(entry))],
    )


def _transactions(entry: BankEntry) -> list[Any]:
    parties = _parties(entry)
    remittance = None
    if entry.text:
        remittance = camt.RemittanceInformation16(ustrd=[check_text("Text", entry.text, _TEXT_LENGTH_MAX)])
    names = [_reference("Reference", name) for name in entry.references] or ["NOTPROVIDED"]
    return [
        camt.EntryTransaction10(
            refs=camt.TransactionReferences6(end_to_end_id=name), rltd_pties=parties, rmt_inf=remittance
        )
        for name in names
    ]


def _parties(entry: BankEntry) -> Any:
    if not entry.counterparty and not entry.counterparty_name:
        return None
    account = camt.CashAccount38(id=_account(entry.counterparty)) if entry.counterparty else None
    party = None
    if entry.counterparty_name:
        name = check_text("Name", entry.counterparty_name, _NAME_LENGTH_MAX)
        party = camt.Party40Choice(pty=camt.PartyIdentification135(nm=name))
    if entry.direction is Direction.CREDIT:
        return camt.TransactionParties6(dbtr=party, dbtr_acct=account)
    return camt.TransactionParties6(cdtr=party, cdtr_acct=account)


def _amount(amount_minor: int, currency: str) -> Any:
    amount = decimal_amount(amount_minor, currency)
    if len(amount.as_tuple().digits) > _DIGITS_MAX:
        raise Rejected(
            "amount_too_large",
            f"{amount} {currency} has more digits than a bank file can hold; split the entry.",
        )
    return camt.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=currency)


def _indicator(direction: Direction) -> Any:
    is_credit = direction is Direction.CREDIT
    return camt.CreditDebitCode.CRDT if is_credit else camt.CreditDebitCode.DBIT


def _day(day: date) -> Any:
    return camt.DateAndDateTime2Choice(dt=XmlDate.from_date(day))


def _account(number: str) -> Any:
    if is_iban(number):
        return camt.AccountIdentification4Choice(iban=number)
    other = camt.GenericAccountIdentification1(id=check_text("Account", number, _ACCOUNT_LENGTH_MAX))
    return camt.AccountIdentification4Choice(othr=other)


def _reference(what: str, name: str) -> str:
    return check_text(what, name, REFERENCE_LENGTH_MAX)

"""Writes payout orders for a bank: a batch of credit transfers as ISO 20022 ``pain.001.001.09``.

    Karez (account DE89...) pays 97.00 CNY to shop A and 12.50 CNY to shop B, both on 2 March

becomes one payment instruction with two transfers. The bank books it as one entry under the batch's name or as one
for each transfer under its end-to-end id; reconciliation knows both.

Source: ISO 20022 Message Definition Report, Payments Initiation 2019/2020 (version 09).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from pyiso20022.pain import pain_001_001_09 as pain
from xsdata.models.datatype import XmlDate, XmlDateTime

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.fields import REFERENCE_LENGTH_MAX, check_text, is_bic, is_iban
from karez.services.payments.bankfiles.messages import write_message
from karez.services.payments.bankfiles.values import decimal_amount

NAME_LENGTH_MAX = 140
TEXT_LENGTH_MAX = 140
PAYOUTS_MAX = 100_000

_ACCOUNT_LENGTH_MAX = 34
_SECOND_NS = 1_000_000_000
_DIGITS_MAX = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class BankAccount:
    """Whose account where.

    Attributes:
        name: The holder's.
        account: An IBAN, or the number that the bank uses.
        bank: Its BIC, or its number in a national clearing system; empty if the bank knows it by the account.
    """

    name: str
    account: str
    bank: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Payout:
    """One credit transfer.

    Attributes:
        end_to_end_id: Our reference, which comes back on the statement.
        creditor: Who gets it.
        amount_minor: How much, above zero.
        currency: ISO 4217 letters.
        text: What the creditor reads; may be empty.
    """

    end_to_end_id: str
    creditor: BankAccount
    amount_minor: int
    currency: str
    text: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PayoutBatch:
    """Transfers that are ordered together.

    Attributes:
        reference: Names the message and the batch; never used before at this bank.
        created_ns: When it was made.
        day: When the bank pays.
        initiator: Who sends the file.
        debtor: From where it is paid.
        payouts: At least one, each with an end-to-end id of its own.
    """

    reference: str
    created_ns: int
    day: date
    initiator: str
    debtor: BankAccount
    payouts: Sequence[Payout]


def write_payouts(batch: PayoutBatch) -> bytes:
    """Write a batch as a file for the bank.

    Rejections: ``payouts_empty``, ``payouts_too_many``, ``payout_reference_repeated``, ``amount_not_positive``,
        ``amount_too_large``, ``currency_unknown``, ``bank_field_refused``.
    """
    _check_batch(batch)
    count = str(len(batch.payouts))
    transfers = [_transfer(payout) for payout in batch.payouts]
    total = sum((each.amt.instd_amt.value for each in transfers), Decimal(0))
    _check_digits(total, f"Batch {batch.reference[:40]!r}")
    reference = check_text("Batch reference", batch.reference, REFERENCE_LENGTH_MAX)
    header = pain.GroupHeader85(
        msg_id=reference,
        cre_dt_tm=XmlDateTime.from_datetime(datetime.fromtimestamp(batch.created_ns // _SECOND_NS, UTC)),
        nb_of_txs=count,
        ctrl_sum=total,
        initg_pty=_party(batch.initiator),
    )
    instruction = pain.PaymentInstruction30(
        pmt_inf_id=reference,
        pmt_mtd=pain.PaymentMethod3Code.TRF,
        btch_bookg=True,
        nb_of_txs=count,
        ctrl_sum=total,
        reqd_exctn_dt=pain.DateAndDateTime2Choice(dt=XmlDate.from_date(batch.day)),
        dbtr=_party(batch.debtor.name),
        dbtr_acct=_account(batch.debtor.account),
        dbtr_agt=_bank(batch.debtor.bank),
        cdt_trf_tx_inf=transfers,
    )
    order = pain.CustomerCreditTransferInitiationV09(grp_hdr=header, pmt_inf=[instruction])
    return write_message(pain.Document(cstmr_cdt_trf_initn=order))


def _check_batch(batch: PayoutBatch) -> None:
    count = len(batch.payouts)
    if count == 0:
        raise Rejected("payouts_empty", "A batch without payouts cannot be written; wait until one is due.")
    if count > PAYOUTS_MAX:
        raise Rejected(
            "payouts_too_many",
            f"A batch of {count:,} is too large for one file; split it at {PAYOUTS_MAX:,}.",
        )
    seen: set[str] = set()
    for payout in batch.payouts:
        if payout.end_to_end_id in seen:
            raise Rejected(
                "payout_reference_repeated",
                f"Two payouts are called {payout.end_to_end_id[:40]!r}; each needs an end-to-end id of its own.",
            )
        seen.add(payout.end_to_end_id)


def _transfer(payout: Payout) -> Any:
    name = f"Payout {payout.end_to_end_id[:40]!r}"
    if payout.amount_minor <= 0:
        raise Rejected("amount_not_positive", f"{name} is not above zero; take it out of the batch.")
    amount = decimal_amount(payout.amount_minor, payout.currency)
    _check_digits(amount, name)
    end_to_end_id = check_text("End-to-end id", payout.end_to_end_id, REFERENCE_LENGTH_MAX)
    text = [check_text("Text", payout.text, TEXT_LENGTH_MAX)] if payout.text else []
    return pain.CreditTransferTransaction34(
        pmt_id=pain.PaymentIdentification6(instr_id=end_to_end_id, end_to_end_id=end_to_end_id),
        amt=pain.AmountType4Choice(
            instd_amt=pain.ActiveOrHistoricCurrencyAndAmount(value=amount, ccy=payout.currency)
        ),
        cdtr_agt=_bank(payout.creditor.bank) if payout.creditor.bank else None,
        cdtr=_party(payout.creditor.name),
        cdtr_acct=_account(payout.creditor.account),
        rmt_inf=pain.RemittanceInformation16(ustrd=text) if text else None,
    )


def _check_digits(amount: Decimal, name: str) -> None:
    if len(amount.as_tuple().digits) > _DIGITS_MAX:
        raise Rejected("amount_too_large", f"{name} has more digits than a bank file can hold; split it.")


def _party(name: str) -> Any:
    return pain.PartyIdentification135(nm=check_text("Name", name, NAME_LENGTH_MAX))


def _account(number: str) -> Any:
    if is_iban(number):
        return pain.CashAccount38(id=pain.AccountIdentification4Choice(iban=number))
    other = pain.GenericAccountIdentification1(id=check_text("Account", number, _ACCOUNT_LENGTH_MAX))
    return pain.CashAccount38(id=pain.AccountIdentification4Choice(othr=other))


def _bank(name: str) -> Any:
    if is_bic(name):
        institution = pain.FinancialInstitutionIdentification18(bicfi=name)
    elif name:
        member = pain.ClearingSystemMemberIdentification2(
            mmb_id=check_text("Bank", name, REFERENCE_LENGTH_MAX)
        )
        institution = pain.FinancialInstitutionIdentification18(clr_sys_mmb_id=member)
    else:
        unnamed = pain.GenericFinancialIdentification1(id="NOTPROVIDED")
        institution = pain.FinancialInstitutionIdentification18(othr=unnamed)
    return pain.BranchAndFinancialInstitutionIdentification6(fin_instn_id=institution)

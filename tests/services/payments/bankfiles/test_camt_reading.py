"""Real banks' files are read whole; a broken or hostile one is refused with its place and as a whole."""

from pathlib import Path

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles import places
from karez.services.payments.bankfiles.camt_reading import read_camt
from karez.services.payments.bankfiles.messages import read_message, write_message
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statement_writing import write_statement
from karez.services.payments.bankfiles.statements import BankStatement, Direction, check_balances
from tests.services.payments.bankfiles.conftest import ValidityCheck
from tests.services.payments.bankfiles.making import NOW_NS, entry, statement

VALID_SAMPLES = 27
GOOD = write_statement(statement(entry(references=("PO-1",), bank_reference="B-1")), "MSG-1", NOW_NS).decode()


def samples(directory: Path, is_valid: ValidityCheck) -> list[tuple[str, bytes]]:
    """The samples that keep their schemas."""
    found = []
    for path in sorted((directory / "samples").glob("*.xml")):
        data = path.read_bytes()
        try:
            if is_valid(data):
                found.append((path.name, data))
        except Rejected:
            pass
    assert len(found) == VALID_SAMPLES
    return found


def test_every_valid_sample_is_read_and_written_again_as_its_schema_wants_it(
    iso20022: Path, is_valid: ValidityCheck
) -> None:
    for name, data in samples(iso20022, is_valid):
        assert is_valid(write_message(read_message(data))), name


def test_the_entries_of_every_sample_of_an_account_are_read(iso20022: Path, is_valid: ValidityCheck) -> None:
    read = {
        name: read_bank_file(data)
        for name, data in samples(iso20022, is_valid)
        if b":camt.052." in data or b":camt.053." in data or b":camt.054." in data
    }
    assert len(read) == 19
    assert sum(len(each.entries) for statements in read.values() for each in statements) == 73


def test_a_finnish_bank_s_statement_says_what_it_says(iso20022: Path) -> None:
    (read,) = read_bank_file((iso20022 / "samples/moov_FI_camt_053_sample.xml.xml").read_bytes())
    check_balances(read)
    assert (read.account, len(read.entries)) == ("FI7433010001222090", 10)
    first = read.entries[0]
    assert (first.signed_minor, first.currency, first.bank_reference) == (
        -100012,
        "EUR",
        "091029ACCTSTMTARCH01",
    )
    assert first.references == ("CustRefForSalaBatch", "MSGSALA0001")


def test_a_swiss_bank_s_batch_of_incoming_payments_carries_the_references_of_all(iso20022: Path) -> None:
    (name,) = (iso20022 / "samples").glob("*ESR-ASR*")
    (read,) = read_bank_file(name.read_bytes())
    credit, debit = read.entries
    assert (credit.signed_minor, debit.signed_minor) == (153700, -14700)
    assert {"EndToEndId-001-02-01", "EndToEndId-001-02-03", "684388397169969395754931859"} <= set(
        credit.references
    )
    assert (credit.counterparty, credit.counterparty_name) == ("CH5109000000250092291", "Bernasconi Maria")


def test_an_announced_entry_is_told_from_a_booked_one(iso20022: Path) -> None:
    announced, booked = read_bank_file((iso20022 / "samples/moov_FI_camt_052_sample.xml.xml").read_bytes())
    assert not announced.entries[0].booked
    assert booked.entries[0].booked
    assert announced.until_day is None


def test_a_sample_with_a_wrong_closing_balance_is_noticed(iso20022: Path) -> None:
    (path,) = (iso20022 / "samples").glob("moov_camt.053_P*")
    with pytest.raises(Rejected, match="statement_not_balanced"):
        check_balances(read_bank_file(path.read_bytes())[0])


@pytest.mark.parametrize("version", ["02", "07", "08", "12"])
def test_old_and_new_versions_are_read(version: str) -> None:
    data = GOOD.replace("camt.053.001.08", f"camt.053.001.{version}")
    if version < "08":
        data = data.replace("<Sts><Cd>BOOK</Cd></Sts>", "<Sts>BOOK</Sts>")
    (read,) = read_camt(data.encode())
    assert read.entries[0].references == ("PO-1",)
    assert read.entries[0].booked


def only_entry(old: str, new: str) -> BankStatement:
    """The statement that is read after a change to the good one."""
    assert old in GOOD
    return read_camt(GOOD.replace(old, new).encode())[0]


def test_a_day_with_a_time_or_a_zone_is_that_day() -> None:
    day = "<BookgDt><Dt>2026-03-02</Dt></BookgDt>"
    for written in ("<DtTm>2026-03-01T23:59:59+08:00</DtTm>", "<Dt>2026-03-01+08:00</Dt>"):
        read = only_entry(day, f"<BookgDt>{written}</BookgDt>")
        assert read.entries[0].booking_day.isoformat() == "2026-03-01"


def test_a_missing_booking_day_is_the_value_day() -> None:
    read = only_entry("<BookgDt><Dt>2026-03-02</Dt></BookgDt>", "")
    assert read.entries[0].booking_day == read.entries[0].value_day


@pytest.mark.parametrize("written", ["10", "10.", "10.0", "10.00", "10.00000", " 0010.00 "])
def test_zeros_at_either_end_of_an_amount_say_nothing(written: str) -> None:
    amount = "10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>"
    assert only_entry(amount, amount.replace("10.00", written)).entries[0].amount_minor == 1000


def test_an_entry_out_is_a_debit() -> None:
    changed = GOOD.replace("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<CdtDbtInd>DBIT</CdtDbtInd><Sts>")
    assert read_camt(changed.encode())[0].entries[0].direction is Direction.DEBIT


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('<Amt Ccy="CNY">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', "<CdtDbtInd>CRDT</CdtDbtInd><Sts>",
         "entry 1, line 2: the amount (Amt) is missing"),
        ('10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', '12,3x</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
         "entry 1, line 2: amount '12,3x' is not an amount"),
        ('10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', '-10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
         "amount '-10.00' is not an amount"),
        ('10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', '10.001</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
         "amount '10.001' has more decimals than CNY has"),
        ('10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', f'{10**18}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
         "is larger than any that can be booked"),
        ('Ccy="CNY">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>',
         'Ccy="QQQ">10.00</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>', "currency 'QQQ' is not known"),
        ("<CdtDbtInd>CRDT</CdtDbtInd><Sts>", "<CdtDbtInd>BOTH</CdtDbtInd><Sts>",
         "entry 1, line 2: CdtDbtInd is 'BOTH' and not CRDT or DBIT"),
        ("<Sts><Cd>BOOK</Cd></Sts>", "", "the status (Sts) is missing"),
        ("<BookgDt><Dt>2026-03-02<", "<BookgDt><Dt>2026-02-30<", "'2026-02-30' is not a day of the calendar"),
        ("<BookgDt><Dt>2026-03-02<", "<BookgDt><Dt>02.03.2026<", "'02.03.2026' is not a day like 2026-03-01"),
        ("<Acct><Id><Othr><Id>12345678</Id></Othr></Id></Acct>", "", "the account has no number"),
        ("</Stmt>", "</Stnt>", "line 2: this is not well-formed XML"),
        ("</Document>", "", "line 2: this is not well-formed XML"),
        ("<Ntry>", "<!DOCTYPE x><Ntry>", "line 2: the file has a document type"),
        ("<Ntry>", "<Ntry>\0", "line 2: the file has zero bytes"),
    ],
)  # fmt: skip
def test_a_broken_message_is_refused_with_its_place(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(Rejected) as rejection:
        read_bank_file(GOOD.replace(old, new).encode())
    assert rejection.value.code == "bank_file_malformed"
    assert said in rejection.value.sentence


def test_the_line_of_the_broken_entry_is_named() -> None:
    changed = GOOD.replace("<Ntry>", "\n\n<Ntry>").replace("<Sts><Cd>BOOK</Cd></Sts>", "")
    with pytest.raises(Rejected, match="entry 1, line 4: the status"):
        read_camt(changed.encode())


@pytest.mark.parametrize("name", ["pain.001.001.09", "camt.053.001.01", "camt.053.001.13", "camt.055.001.09"])
def test_another_message_is_refused_by_its_name(name: str) -> None:
    with pytest.raises(Rejected) as rejection:
        read_camt(GOOD.replace("camt.053.001.08", name).encode())
    assert rejection.value.code == "bank_message_unknown"
    assert name in rejection.value.sentence


def test_xml_that_is_no_message_is_refused() -> None:
    with pytest.raises(Rejected, match="bank_message_unknown"):
        read_bank_file(b"<Document xmlns='urn:other'/>")
    with pytest.raises(Rejected, match="holds no statement"):
        read_bank_file(b"<html/>")
    with pytest.raises(Rejected, match="bank_message_unknown"):
        read_message(b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:zzzz.053.001.08'/>")


def test_a_message_with_an_element_in_the_wrong_place_is_refused() -> None:
    with pytest.raises(Rejected, match="bank_file_malformed"):
        read_message(GOOD.replace("<Ntry>", "<Wrong/><Ntry>").encode())
    with pytest.raises(Rejected, match="bank_file_malformed"):
        read_message(GOOD.replace("<Id>STMT-1</Id>", "").encode())


def hostile_files(tmp_path: Path) -> list[bytes]:
    """Documents that try to grow without end or to show a file of this machine."""
    secret = tmp_path / "secret.txt"
    secret.write_text("PO-SECRET")
    growing = "".join(f"<!ENTITY e{n + 1} '{f'&e{n};' * 10}'>" for n in range(10))
    body = GOOD[GOOD.index("<Document") :]
    files = [
        f"<!DOCTYPE Document [<!ENTITY e0 'x'>{growing}]>" + body.replace("PO-1", "&e10;"),
        f"<!DOCTYPE Document [<!ENTITY f SYSTEM 'file://{secret}'>]>" + body.replace("PO-1", "&f;"),
        f"<!DOCTYPE Document SYSTEM 'file://{secret}'>" + body,
    ]
    encoded = [f"<?xml version='1.0' encoding='{name}'?>" for name in ("UTF-16", "UTF-8")]
    # "+ADw-" is "<" in UTF-7, where no search for bytes finds the document type.
    hidden = "<?xml version='1.0' encoding='UTF-7'?>" + files[1].replace("<!", "+ADw-!")
    return [
        (encoded[0] + files[1]).encode("utf-16"),
        *((encoded[1] + each).encode() for each in files),
        hidden.encode(),
    ]


def test_no_file_makes_the_reader_expand_fetch_or_show_anything(tmp_path: Path) -> None:
    for data in hostile_files(tmp_path):
        for read in (read_bank_file, read_message):
            with pytest.raises(Rejected) as rejection:
                read(data)
            assert "PO-SECRET" not in rejection.value.sentence


def test_a_file_beyond_the_bound_is_refused_unread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "SIZE_MAX_BYTES", len(GOOD) - 1)
    for data in (GOOD.encode(), b":20:" + GOOD.encode(), b"account," + GOOD.encode()):
        with pytest.raises(Rejected, match="bank_file_too_large"):
            read_bank_file(data)


def test_elements_of_the_same_name_elsewhere_are_no_entries() -> None:
    strange = "<SplmtryData><Envlp><Ntry xmlns='urn:other'/><Ntry/></Envlp></SplmtryData></BkToCstmrStmt>"
    (read,) = read_camt(GOOD.replace("</BkToCstmrStmt>", strange).encode())
    assert len(read.entries) == 1

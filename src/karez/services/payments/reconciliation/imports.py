"""Taking a bank's file in: its entries in parts, then each statement as the sign that all of it is there.

Many entries travel in operations of two hundred, so that payments do not wait for a large file. The operations' ids
derive from the file, so a file that comes again, or whose import broke off, changes nothing that is there already.
"""

from collections.abc import Container, Iterator
from dataclasses import dataclass
from hashlib import sha256
from uuid import UUID

import msgspec

from karez.core.ids import NIL, derived_id
from karez.core.sealing import Sealer
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.bankfiles.statements import BankStatement, check_balances
from karez.services.payments.reconciliation.entry_ids import BookedEntry, booked_entries
from karez.services.payments.reconciliation.parts import array_text, in_parts
from karez.services.payments.reconciliation.sealing import Details, seal_details


class StatementReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A statement that was taken in.

    Attributes:
        id: Of the statement.
        account: The account's number.
        entries: How many it has that are booked.
    """

    id: UUID
    account: str
    entries: int


@dataclass(frozen=True, slots=True)
class StatementFile:
    """A bank's file that was read.

    Attributes:
        bank: The bank's institution number.
        digest: Of its bytes.
        statements: What is in it.
        booked: For each statement its entries that are final.
    """

    bank: int
    digest: bytes
    statements: tuple[BankStatement, ...]
    booked: tuple[list[BookedEntry], ...]

    @property
    def id(self) -> UUID:
        """Return the id of the file, the same whenever it comes."""
        return _id(self.bank, self.digest)

    def statement_id(self, place: int) -> UUID:
        """Return the id of one of its statements."""
        return derived_id(self.id, "statement", place)


def file_id(bank: int, data: bytes) -> UUID:
    """Return the id of a bank's file."""
    return _id(bank, sha256(data).digest())


def _id(bank: int, digest: bytes) -> UUID:
    return derived_id(NIL, "bank statement file", bank, digest.hex())


def read_statement_file(bank: int, data: bytes) -> StatementFile:
    """Read a bank's file.

    Args:
        bank: The bank's institution number.
        data: The file.

    Rejections: those of ``read_bank_file``; ``statement_not_balanced``.
    """
    statements = read_bank_file(data)
    for statement in statements:
        check_balances(statement)
    return StatementFile(bank, sha256(data).digest(), statements, booked_entries(bank, statements))


def import_statements(
    asking: Asking, sealer: Sealer, file: StatementFile, known: Container[UUID]
) -> Iterator[Operation]:
    """Yield the operations that take a file in; each is carried out before the next.

    Where one is refused with ``row_exists``, another file has brought the same entries in the meantime: look up what
    is known, and begin again.

    Args:
        asking: The request; the operations have ids of the file's own.
        sealer: Of ``sealer_for_entries``.
        file: What is taken in.
        known: Ids of the entries that are there already.
    """
    for place, (statement, booked) in enumerate(zip(file.statements, file.booked, strict=True)):
        id_ = file.statement_id(place)
        for part, together in enumerate(in_parts(booked)):
            new = [each for each in together if each.id not in known]
            if new:
                yield _asking(asking, file, id_, part).operation(
                    "bank_statement.import_entries",
                    {"entries": len(new)},
                    rows=tuple(_entry_row(asking, sealer, file, place, each) for each in new),
                )
        receipt = StatementReceipt(id=id_, account=statement.account, entries=len(booked))
        whole = _asking(asking, file, id_, "whole")
        yield whole.operation(
            "bank_statement.import",
            receipt,
            rows=(_statement_row(asking, file, place),),
            events=(
                whole.event("bank_statement.imported", (), msgspec.structs.asdict(receipt), (file.bank,)),
            ),
        )


def _asking(asking: Asking, file: StatementFile, statement: UUID, part: int | str) -> Asking:
    return Asking(derived_id(statement, "import", part), asking.actor, file.digest, asking.now_ns)


def _entry_row(
    asking: Asking, sealer: Sealer, file: StatementFile, place: int, booked: BookedEntry
) -> RowInsert:
    entry = booked.entry
    details = Details(entry.counterparty, entry.counterparty_name, entry.text)
    return RowInsert(
        table="bank_entry",
        key={"institution": file.bank, "id": str(booked.id)},
        values={
            "statement": str(file.statement_id(place)),
            "place": booked.place,
            "account": file.statements[place].account,
            "booking_day": entry.booking_day.isoformat(),
            "value_day": entry.value_day.isoformat(),
            "amount_minor": entry.signed_minor,
            "currency": entry.currency,
            "names": array_text(entry.references),
            "bank_reference": entry.bank_reference,
            "details": seal_details(sealer, booked.id, details),
            "imported_ns": asking.now_ns,
            "settled_by": None,
            "settled_rule": None,
            "settled_ns": None,
        },
    )


def _statement_row(asking: Asking, file: StatementFile, place: int) -> RowInsert:
    statement = file.statements[place]
    return RowInsert(
        table="bank_statement",
        key={"institution": file.bank, "id": str(file.statement_id(place))},
        values={
            "identification": statement.identification,
            "account": statement.account,
            "until_day": None if statement.until_day is None else statement.until_day.isoformat(),
            "opening_minor": None if statement.opening is None else statement.opening.amount_minor,
            "closing_minor": None if statement.closing is None else statement.closing.amount_minor,
            "entries": len(file.booked[place]),
            "imported_ns": asking.now_ns,
        },
    )

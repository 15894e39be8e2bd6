"""Reading instructions and the banks that they go to."""

from dataclasses import dataclass, field
from typing import Any, Literal
from uuid import UUID

import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected
from karez.services.payments.banks.states import State

Connection = psycopg.Connection[Any]
Direction = Literal["collect", "pay_out"]


@dataclass(frozen=True, slots=True)
class Instruction:
    """What a bank is to do with its customer's money.

    Attributes:
        id: Derived from the request that made it; the bank knows it by this id too.
        bank: The bank's institution number.
        party: Whose money it is.
        direction: ``collect``: the bank takes it from its customer for Karez; ``pay_out``: the other way.
        purpose: What for; says which room settles it.
        subject: What it is for, such as a trade or a withdrawal.
        currency: ISO 4217 letters.
        amount_minor: How much.
        account: The account of the book that is paid out of, or that the money goes to.
        reservation: The transfer that holds a pay-out's money until the bank has decided.
        reference: What the bank calls its customer's account or card; empty where the customer chooses at its page.
        remark: What the customer reads on the bank's statement.
        return_url: Where the bank's page sends the browser in the end.
        state: Where it stands.
        answer_code: What the bank said last, or why there was no answer.
        attempts: How often the bank was called.
        due_ns: When the bank is called next.
        flagged_ns: Since when people should look at it.
        created_ns: When it was made.
        ended_ns: When it was decided.
    """

    id: UUID
    bank: int
    party: UUID
    direction: Direction
    purpose: str
    subject: UUID
    currency: str
    amount_minor: int
    account: UUID
    reservation: UUID | None
    reference: str
    remark: str
    return_url: str | None
    state: str
    answer_code: str
    attempts: int
    due_ns: int | None
    flagged_ns: int | None
    created_ns: int
    ended_ns: int | None

    @property
    def standing(self) -> State:
        """Return the state as a value of the state machine."""
        return State(self.state)


@dataclass(frozen=True, slots=True)
class Link:
    """A bank that Karez can instruct.

    Attributes:
        institution: The bank's number.
        base_url: Where its protocol begins.
        notify_url: Where it tells Karez how an instruction ended.
        sealed: The secret of both, sealed.
    """

    institution: int
    base_url: str
    notify_url: str | None
    sealed: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class BankChoice:
    """A bank that people may choose.

    Attributes:
        institution: The bank's number.
        currencies: ISO 4217 letters.
        state: ``open`` or ``paused``: it is not called.
    """

    institution: int
    currencies: list[str]
    state: str


@dataclass(frozen=True, slots=True)
class AddressedBank(BankChoice):
    """A bank that people may choose, with its address.

    Attributes:
        base_url: Where its protocol and its page are.
    """

    base_url: str


COLUMNS = ", ".join(Instruction.__dataclass_fields__)

_FIND = f"SELECT {COLUMNS} FROM bank_instruction WHERE id = %s"  # noqa: S608 - names of our own columns
_OF_SUBJECT = f"SELECT {COLUMNS} FROM bank_instruction WHERE subject = %s ORDER BY created_ns, id"  # noqa: S608 - names of our own columns
_FLAGGED = f"SELECT {COLUMNS} FROM bank_instruction WHERE flagged_ns < %s ORDER BY flagged_ns DESC LIMIT %s"  # noqa: S608 - names of our own columns
_LINKS = "SELECT institution, base_url, notify_url, sealed FROM bank_link WHERE state = 'open'"
_CHOICES = "SELECT institution, currencies, state FROM bank_link ORDER BY institution"
_ADDRESSED = "SELECT institution, currencies, state, base_url FROM bank_link WHERE institution = %s"
_HAS_WALLET = "SELECT EXISTS (SELECT FROM wallet WHERE party = %s AND currency = %s)"


def find_instruction(conn: Connection, instruction: UUID) -> Instruction:
    """Return an instruction that the caller may see.

    Rejections: ``instruction_not_found``.
    """
    with conn.cursor(row_factory=class_row(Instruction), binary=True) as cursor:
        found = cursor.execute(_FIND, (instruction,)).fetchone()
    if found is None:
        raise Rejected(
            "instruction_not_found",
            f"There is no instruction {instruction} that you may see; look its id up.",
        )
    return found


def instructions_of(conn: Connection, subject: UUID) -> list[Instruction]:
    """Return the instructions for something, in the order in which they were made."""
    with conn.cursor(row_factory=class_row(Instruction), binary=True) as cursor:
        return cursor.execute(_OF_SUBJECT, (subject,)).fetchall()


def flagged_instructions(conn: Connection, before_ns: int, limit: int) -> list[Instruction]:
    """Return instructions that people should look at, the latest first.

    Args:
        conn: In a transaction of the operator.
        before_ns: Flagged before this moment.
        limit: How many at most.
    """
    with conn.cursor(row_factory=class_row(Instruction), binary=True) as cursor:
        return cursor.execute(_FLAGGED, (before_ns, limit)).fetchall()


def open_links(conn: Connection) -> dict[int, Link]:
    """Return the banks that may be called, by their numbers, as a worker."""
    with conn.cursor(row_factory=class_row(Link)) as cursor:
        return {link.institution: link for link in cursor.execute(_LINKS)}


def bank_choices(conn: Connection) -> list[BankChoice]:
    """Return the banks that Karez can instruct, as any caller who may choose one."""
    with conn.cursor(row_factory=class_row(BankChoice)) as cursor:
        return cursor.execute(_CHOICES).fetchall()


def find_bank(conn: Connection, bank: int) -> AddressedBank:
    """Return a bank that Karez can instruct, as a person who chooses it or a card of it.

    Rejections: ``bank_not_open``.
    """
    with conn.cursor(row_factory=class_row(AddressedBank)) as cursor:
        found = cursor.execute(_ADDRESSED, (bank,)).fetchone()
    if found is None:
        raise Rejected("bank_not_open", f"There is no bank {bank} that takes instructions; list the banks.")
    return found


def page_url(base_url: str, instruction: UUID) -> str:
    """Return the bank's page on which a customer confirms an instruction that names no account or card.

    Args:
        base_url: The bank's.
        instruction: Id of the instruction.
    """
    return f"{base_url}/pay/{instruction}"


def has_wallet(conn: Connection, instruction: Instruction) -> bool:
    """Tell whether an instruction's party has a wallet in its currency."""
    row = conn.execute(_HAS_WALLET, (instruction.party, instruction.currency)).fetchone()
    return row is not None and bool(row[0])

"""What Karez and a bank say to each other: JSON over HTTP, signed by both sides (see ``signatures``).

POST /instructions            an ``Order``: the bank answers with its ``Standing``. The same id again is the same
                              instruction and is carried out once; with other contents it is refused with 409.
GET  /instructions/{id}       its ``Standing``, or 404 with the code ``instruction_unknown``: the bank never saw it.
POST /bindings                a ``BindingRequest``; the bank sends the holder a code and answers a ``Binding``.
POST /bindings/{id}/confirm   a ``BindingProof``; from then on the customer's card or account goes by a token.
GET  /statements/{day}        the movements of a day: ``?currency=CNY&format=camt053`` or ``csv``.
GET  /pay/{id}                the page on which a customer confirms an order that names no card, in a browser.

Where an order names a ``notify_url``, the bank posts the ``Standing`` there once it is final. Karez asks the bank
again before it moves money, so a false or repeated notice does nothing.
"""

from typing import Literal
from uuid import UUID

import msgspec

INSTRUCTION_UNKNOWN = "instruction_unknown"
"""The bank never saw an instruction of this id."""
DUPLICATE = "duplicate"
"""Some banks decline a repetition so, which says nothing about the first one."""

_PAYMENT = "payment:"

Kind = Literal["debit", "credit"]
StandingState = Literal["processing", "succeeded", "declined"]
BindingState = Literal["challenged", "bound", "refused"]


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the bank is to do with its customer's money.

    Attributes:
        id: The instruction's.
        kind: ``debit`` takes from the customer and gives to Karez, ``credit`` the other way.
        amount_minor: How much.
        currency: ISO 4217 letters.
        reference: The customer's account number or token; empty where the customer chooses at the bank's page. What
            was paid there goes back to ``reference_of_payment``.
        text: What the customer reads on the statement.
        return_url: Where the bank's page sends the customer's browser in the end.
        notify_url: Where the bank tells how it ended.
    """

    id: UUID
    kind: Kind
    amount_minor: int
    currency: str
    reference: str
    text: str
    return_url: str | None = None
    notify_url: str | None = None


class Standing(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How an instruction stands at the bank.

    Attributes:
        id: The instruction's.
        kind: As in the order.
        amount_minor: As in the order.
        currency: As in the order.
        state: ``succeeded`` and ``declined`` are final.
        reason: Why it is declined, such as ``insufficient_funds``.
    """

    id: UUID
    kind: Kind
    amount_minor: int
    currency: str
    state: StandingState
    reason: str = ""


class BindingRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A card or account that its holder wants to pay with from now on.

    Attributes:
        id: Made by Karez.
        number: Of the card or account; never kept by Karez outside its vault.
        holder: The holder's name.
        phone: Where the bank sends its code, as the holder says.
    """

    id: UUID
    number: str
    holder: str
    phone: str


class BindingProof(msgspec.Struct, frozen=True, kw_only=True):
    """The code that the bank has sent to the holder."""

    code: str


class Binding(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How a binding stands.

    Attributes:
        id: As in the request.
        state: ``challenged`` waits for the code.
        reason: Why it is refused.
        token: What the card or account is called in orders, once it is bound.
        ending: The last four digits of its number, for people.
    """

    id: UUID
    state: BindingState
    reason: str = ""
    token: str = ""
    ending: str = ""


def reference_of_payment(instruction: UUID) -> str:
    """Return how an order names the account from which another instruction was paid at the bank's page."""
    return f"{_PAYMENT}{instruction}"


def payment_of_reference(reference: str) -> str | None:
    """Return the id of the instruction that a reference names; ``None`` where it is of another kind."""
    return reference.removeprefix(_PAYMENT) if reference.startswith(_PAYMENT) else None


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why a request was not taken.

    Attributes:
        code: Stable, for programs.
        sentence: For people.
    """

    code: str
    sentence: str

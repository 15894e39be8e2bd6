"""What is judged: somebody's attempt to pay, and what is known about the four that take part in it."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from karez.core.ids import NIL, derived_id
from karez.core.sealing import Sealer

Fingerprints = tuple[bytes, ...]
"""By what a card or device is known under each key, the newest first; empty where there is none."""


class Subject(StrEnum):
    """Who or what takes part in a payment."""

    PERSON = "person"
    CARD = "card"
    DEVICE = "device"
    SHOP = "shop"


class Window(StrEnum):
    """How far one looks back."""

    MINUTE = "minute"
    HOUR = "hour"
    DAY = "day"


LENGTH_S: Mapping[Window, int] = {Window.MINUTE: 60, Window.HOUR: 3_600, Window.DAY: 86_400}


@dataclass(frozen=True, slots=True)
class PaymentAttempt:
    """Somebody's attempt to pay.

    Attributes:
        id: Of the operation that it is to become.
        person: Who pays.
        shop: Who is paid; a person where money is sent to one, ``bank_account`` where it leaves for one, a biller's
            service where a bill is paid, and of red packets what stands for all of one sender.
        currency: ISO 4217 letters.
        amount_minor: How much.
        at_ns: When.
        card: The card that is used.
        device: The device that is used.
        confirmed: Whether the payer has just confirmed this payment in a second way.
    """

    id: UUID
    person: UUID
    shop: UUID
    currency: str
    amount_minor: int
    at_ns: int
    card: Fingerprints = ()
    device: Fingerprints = ()
    confirmed: bool = False

    def takes_part(self, subject: Subject) -> bool:
        """Tell whether there is such a one in this attempt: not every payment has a card."""
        return bool(
            self.card if subject is Subject.CARD else self.device if subject is Subject.DEVICE else True
        )


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one subject in one window.

    Attributes:
        count: Payments that were allowed.
        amount_minor: Their sum in the attempt's currency.
        stopped: Attempts that were challenged or refused.
    """

    count: int = 0
    amount_minor: int = 0
    stopped: int = 0

    def __add__(self, other: "Seen") -> "Seen":
        return Seen(
            self.count + other.count, self.amount_minor + other.amount_minor, self.stopped + other.stopped
        )


NOTHING = Seen()


@dataclass(frozen=True, slots=True)
class Observed:
    """What is known when an attempt is judged.

    Attributes:
        seen: What was seen before it; what is missing was never seen.
        blocked: Who is on the list of those to stop.
        trusted: Who is on the list of those not to count.
        knows_shop: Whether the person has paid to this shop before.
        knows_device: Whether the person has paid with this device before.
        counters: Accounts of exact rules that are open already.
    """

    seen: Mapping[tuple[Subject, Window], Seen]
    blocked: frozenset[Subject] = frozenset()
    trusted: frozenset[Subject] = frozenset()
    knows_shop: bool = False
    knows_device: bool = False
    counters: frozenset[UUID] = frozenset()


def bank_account(bank: int, reference: str) -> UUID:
    """Return by what an account at a bank is known as the receiver of a withdrawal.

    Args:
        bank: Its institution number.
        reference: What the bank calls the account.
    """
    return derived_id(NIL, "bank account", bank, reference)


def sealer(secret_key: bytes) -> Sealer:
    """Return what makes the fingerprints of cards and devices.

    Args:
        secret_key: ``Database.secret_key``.
    """
    return Sealer({1: secret_key}, "fraud")


def fingerprints(sealer: Sealer, kind: Subject, value: str) -> Fingerprints:
    """Return by what a card or device is known, so that its number is kept nowhere.

    Args:
        sealer: Of fingerprints.
        kind: ``CARD`` or ``DEVICE``.
        value: Its number, in one spelling.
    """
    return tuple(sealer.blind_indexes(kind, value))

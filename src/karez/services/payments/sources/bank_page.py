"""A bank's own page as a source: the payer is sent there, confirms with a card or account, and comes back.

What the browser brings back is signed by the bank and still believed by nobody: it only has the bank asked at once. A
page that nobody uses is declined by its bank after some time, and Karez asks until it hears that; no clock of its own
ends a payment that its payer may be confirming in this moment.

The bank alone knows who has paid. So money goes back by naming the payment, not a card.
"""

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit
from uuid import UUID

import psycopg

from karez.core.outcomes import Rejected
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.banks.instructing import instruction_id
from karez.services.payments.banks.messages import reference_of_payment
from karez.services.payments.banks.records import BankChoice, find_bank, page_url
from karez.services.payments.house import House
from karez.services.payments.sources.banked import take_back
from karez.services.payments.sources.door import Collecting, Drawn, Source, Wanted
from karez.services.payments.trades.legs import Leg
from karez.services.payments.trades.records import Trade

KIND = "bank_page"


@dataclass(frozen=True, slots=True)
class PageFunds:
    """What a customer can confirm at a bank's page.

    Attributes:
        bank: Which bank.
        base_url: Where its protocol begins.
        currency: ISO 4217 letters, of the trade.
        return_url: Where the page sends the browser in the end.
    """

    bank: BankChoice
    base_url: str
    currency: str
    return_url: str

    @property
    def counted_in(self) -> None:
        """Return nothing: the bank alone knows."""

    def most_minor(self, _now_ns: int, left_minor: int, _available_minor: int | None, /) -> int:
        """Return all that is left."""
        return left_minor

    def draw(self, asking: Asking, _house: House, _number: int, amount_minor: int, /) -> Drawn:
        """Return the leg from what the bank holds for Karez, and the page on which it is confirmed."""
        number, instruction = self.bank.institution, instruction_id(asking)
        leg = Leg(
            source=KIND,
            account=accounts.clearing(number, self.currency),
            amount_minor=amount_minor,
            reference=f"{number} {reference_of_payment(instruction)}",
        )
        page = page_url(self.base_url, instruction)
        return Drawn(leg, collecting=Collecting(self.bank, "", page, self.return_url))


def wanted_page(bank: int, return_url: str) -> Wanted:
    """Return a bank's page as an entry of a payer's list.

    Args:
        bank: Its institution number.
        return_url: Where the page sends the browser in the end.

    Rejections: ``return_url_refused``.
    """
    check_return_url(return_url)
    return Wanted(KIND, f"{bank} {return_url}")


def check_return_url(return_url: str) -> None:
    """Refuse an address to which nobody's browser should be sent: encrypted ones only, or this very machine.

    Rejections: ``return_url_refused``.
    """
    try:
        parts = urlsplit(return_url)
        host = parts.hostname or ""
        is_named_plainly = bool(host) and parts.username is None and not parts.fragment
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))
    except ValueError:
        is_named_plainly = is_safe = False
    if not (is_named_plainly and is_safe):
        raise Rejected(
            "return_url_refused",
            f"{return_url[:80]!r} is no address to come back to; use one like https://shop.example/paid, without a "
            "user name and a fragment. On one's own machine http://127.0.0.1 will do.",
        )


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(conn: psycopg.Connection, trade: Trade, _payer: UUID, reference: str) -> PageFunds:
    number, _, return_url = reference.partition(" ")
    bank = find_bank(conn, int(number))
    return PageFunds(bank, bank.base_url, trade.currency, return_url)


BANK_PAGE = Source(_read, take_back, is_plain=True)

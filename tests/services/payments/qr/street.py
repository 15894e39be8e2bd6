"""A street of shops and people with wallets, on a real book."""

from dataclasses import dataclass, field
from uuid import UUID

from karez.core.clock import Clock
from karez.core.ids import new_id
from karez.ledger.bookkeeper import Bookkeeper
from karez.ledger.operations import Operation, Outcome
from karez.parties import institutions
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House, accounts_of, ensure_house, read_house, units_of
from karez.services.payments.qr import operations
from karez.services.payments.qr.emv import Shopfront
from karez.services.payments.qr.records import ShownFront
from karez.services.payments.wallets.operations import deposit, open_clearing, open_wallet
from karez.services.payments.wallets.records import Wallet
from karez.storage.database import Database, connect
from karez.storage.tenant import as_operator
from tests.ledger.making import balance

TEA_HOUSE = Shopfront("TEA HOUSE", "TURPAN", "CN", "5812", "ZH", "坎儿井茶馆", "吐鲁番")


@dataclass
class Street:
    """Who pays and is paid.

    Attributes:
        database: Where everything is kept.
        book: The one writer.
        clock: Its time.
        house: The payment house, open for CNY.
        bank: Where money comes from.
    """

    database: Database
    book: Bookkeeper
    clock: Clock
    house: House = field(init=False)
    bank: int = field(init=False)

    def __post_init__(self) -> None:
        now_ns = self.clock.now_ns()
        with connect(self.database.web) as conn:
            with as_operator(conn):
                ensure_house(conn, now_ns)
                self.bank = institutions.register(conn, "harbour", "Harbour Bank", "bank", now_ns).number
            self.done(units_of(self.asking(), "CNY", None))
            with as_operator(conn):
                self.house = read_house(conn)
        self.done(accounts_of(self.asking(), self.house, "CNY"))
        self.done(open_clearing(self.asking(), self.house, self.bank, "CNY"))

    def asking(self) -> Asking:
        """A new request."""
        now_ns = self.clock.now_ns()
        return Asking(new_id(now_ns), "tester", b"", now_ns)

    def commit(self, *made: Operation) -> list[Outcome]:
        """Carry operations out, as a group if they can be one."""
        outcomes: dict[int, Outcome] = {}
        while len(outcomes) < len(made):
            waiting = [number for number in range(len(made)) if number not in outcomes]
            answers = self.book.commit([made[number] for number in waiting])
            outcomes |= {
                number: answer
                for number, answer in zip(waiting, answers, strict=True)
                if isinstance(answer, Outcome)
            }
        return [outcomes[number] for number in range(len(made))]

    def done(self, operation: Operation) -> Outcome:
        """Carry one operation out, which must pass."""
        (outcome,) = self.commit(operation)
        assert outcome.accepted, outcome
        return outcome

    def person(self, balance_minor: int) -> Wallet:
        """Somebody with money."""
        asking = self.asking()
        party = asking.id
        self.done(open_wallet(asking, self.house, party, "person", "CNY", "full"))
        if balance_minor:
            self.done(deposit(self.asking(), self.house, self.bank, party, "CNY", balance_minor))
        return Wallet(party, "CNY", "person", "open", "full", None, asking.now_ns)

    def shop(self) -> ShownFront:
        """A tea house."""
        asking = self.asking()
        self.done(open_wallet(asking, self.house, asking.id, "shop", "CNY"))
        shown = self.asking()
        self.done(operations.show_front(shown, asking.id, None, TEA_HOUSE))
        return ShownFront(asking.id, TEA_HOUSE, shown.now_ns)

    def balance(self, party: UUID) -> int:
        """What is in a wallet."""
        held = balance(self.book, accounts.wallet(party, "CNY"))
        return held.credits_posted - held.debits_posted

    def takings(self, shop: UUID) -> int:
        """What a shop has taken."""
        held = balance(self.book, accounts.takings(shop, "CNY"))
        return held.credits_posted - held.debits_posted

"""Somebody with a card, in a Karez in memory."""

from uuid import UUID

from karez.services.payments import accounts
from karez.services.payments.banks.records import BankChoice
from karez.services.payments.cards import binding, operations
from karez.services.payments.cards.limits import CardLimits
from karez.services.payments.cards.numbers import read_number
from karez.services.payments.cards.records import Card
from tests.services.payments.buying import Market, Reply
from tests.services.payments.memory_karez import BANK, HOUSE

NUMBER, EXPIRY = read_number("6200000000000005"), "2049-08"


class CardMarket(Market):
    """A market whose buyer has a card.

    Attributes:
        token: The card's id.
    """

    def __init__(self) -> None:
        super().__init__()
        self.token = self.karez.asking().id

    @property
    def card(self) -> Card:
        """The card as it is now."""
        return self.karez.row("card", Card, id=self.token)

    def ask(self, bank: BankChoice | None = None, expiry: str = EXPIRY, currency: str = "CNY") -> Reply:
        """Have the bank send a code."""
        new = binding.new_card(self.buyer, self.token, NUMBER, expiry, BANK, currency)
        found = self.karez.rows("card", Card, id=self.token)
        counted = accounts.card_attempts(self.buyer)
        is_counted = any(each.id == counted for made in self.karez.operations for each in made.accounts)
        made = binding.ask(
            self.karez.asking(),
            HOUSE,
            new,
            bank or self.card_bank,
            found[0] if found else None,
            "CNY" if is_counted else None,
        )
        return self.karez.carry(made)

    def take_another_card(self) -> None:
        """Go on with a card that was never asked for."""
        self.token = self.karez.asking().id

    def try_code(self) -> Reply:
        """Name a code."""
        return self.karez.carry(binding.try_code(self.karez.asking(), self.card))

    def prove(self) -> Reply:
        """Hear that the code was right."""
        return self.karez.carry(binding.prove(self.karez.asking(), HOUSE, self.card, "token-1"))

    def refuse(self, *, is_used_up: bool) -> Reply:
        """Hear that the bank refuses the card, or that no more codes are taken."""
        return self.karez.carry(binding.refuse(self.karez.asking(), self.card, is_used_up=is_used_up))

    def bind(self) -> None:
        """Bind the card."""
        self.ask()
        self.prove()

    def change_limits(self, payment_max_minor: int, day_max_minor: int) -> Reply:
        """Change what may be paid with the card."""
        wanted = CardLimits(payment_max_minor, day_max_minor)
        return self.karez.carry(operations.change_limits(self.karez.asking(), HOUSE, self.card, wanted))

    def unbind(self) -> Reply:
        """Unbind the card."""
        return self.karez.carry(operations.unbind(self.karez.asking(), self.card))

    def limit_account(self) -> UUID:
        """Return the account of the card's limit."""
        return UUID(str(self.card.limit_account))

"""What somebody has, as the book says it now."""

from dataclasses import dataclass
from uuid import UUID

from karez.channels.api.context import Services
from karez.services.payments import accounts
from karez.services.payments.wallets.records import wallets_of


@dataclass(frozen=True, slots=True)
class BalanceShown:
    """The balance in one currency.

    Attributes:
        currency: ISO 4217 letters.
        is_frozen: Whether nothing can leave it.
        available_minor: What can be spent.
        reserved_minor: What is reserved and not gone yet.
        takings_minor: A shop's takings that were not settled yet.
    """

    currency: str
    is_frozen: bool
    available_minor: int
    reserved_minor: int
    takings_minor: int | None


async def balances_of(services: Services, party: UUID) -> list[BalanceShown]:
    """Return all balances of a party.

    Args:
        services: Where wallets and the book are.
        party: Whose.
    """
    wallets = await services.database.as_party(party, lambda conn: wallets_of(conn, party))
    ids = [accounts.wallet(party, each.currency) for each in wallets]
    ids += [accounts.takings(party, each.currency) for each in wallets]
    found = await services.book.balances(ids)
    shown = []
    for wallet, balance, takings in zip(wallets, found, found[len(wallets) :], strict=False):
        assert balance is not None, "a wallet is opened together with its account"
        shown.append(
            BalanceShown(
                wallet.currency,
                wallet.state == "frozen",
                balance.credits_posted - balance.debits_posted - balance.debits_pending,
                balance.debits_pending,
                None if takings is None else takings.credits_posted - takings.debits_posted,
            )
        )
    return shown

"""Opening a wallet, paying money in, changing its level, freezing it."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from karez.core.clock import to_datetime
from karez.core.outcomes import Rejected
from karez.ledger.model import AMOUNT_MAX, Transfer, TransferFlags
from karez.ledger.operations import Operation, RowInsert, RowUpdate
from karez.parties.people import Kind
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode, TransferCode
from karez.services.payments.house import DEBITS_LIMITED, Currency, House, money_moves
from karez.services.payments.reconciliation.doors import Expectation, expect_movement
from karez.services.payments.reconciliation.matching.items import Movement
from karez.services.payments.wallets.limits import LevelName, limit_change
from karez.services.payments.wallets.records import Wallet


class WalletReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet after a change."""

    party: UUID
    currency: str
    state: str
    level: str


class DepositReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """Money that a bank has paid in for somebody."""

    id: UUID
    party: UUID
    currency: str
    amount_minor: int


def open_wallet(
    asking: Asking, house: House, party: UUID, kind: Kind, currency_code: str, level: LevelName = "basic"
) -> Operation:
    """Open a wallet, at the lowest level unless more is known; a shop's has an account of takings beside it.

    Rejections: ``currency_not_open``.
    """
    currency = house.currency(currency_code)
    opened = [
        house.account(
            accounts.wallet(party, currency_code),
            currency.money,
            AccountCode.WALLET,
            flags=DEBITS_LIMITED,
            party=party,
        ),
        house.account(
            accounts.limit(party, currency_code),
            currency.limit,
            AccountCode.LIMIT,
            flags=DEBITS_LIMITED,
            party=party,
        ),
    ]
    if kind == "shop":
        opened.append(
            house.account(
                accounts.takings(party, currency_code), currency.money, AccountCode.TAKINGS, party=party
            )
        )
    row = RowInsert(
        table="wallet",
        key={"party": str(party), "currency": currency_code},
        values={
            "kind": kind,
            "state": "open",
            "level": level,
            "freeze_id": None,
            "opened_ns": asking.now_ns,
        },
    )
    return asking.operation(
        "wallet.open",
        WalletReceipt(party=party, currency=currency_code, state="open", level=level),
        accounts=tuple(opened),
        transfers=limit_change(asking, party, None, level, currency),
        rows=(row,),
    )


def deposit(
    asking: Asking, house: House, bank: int, party: UUID, currency_code: str, amount_minor: int
) -> Operation:
    """Pay money that a bank has received for somebody into the wallet; its statement has it under the request's id.

    Args:
        asking: The bank's request.
        house: The payment house.
        bank: The bank's institution number.
        party: For whom.
        currency_code: ISO 4217 letters.
        amount_minor: How much.

    Rejections: ``currency_not_open``; in the book ``debit_account_not_found`` where the bank has no clearing
        account, ``credit_account_not_found`` where the party has no wallet.
    """
    currency = house.currency(currency_code)
    transfer = money_moves(
        asking.made_id("transfer"),
        accounts.clearing(bank, currency_code),
        accounts.wallet(party, currency_code),
        amount_minor,
        currency.money,
        TransferCode.DEPOSIT,
    )
    told = {"amount_minor": amount_minor, "currency": currency_code, "bank": bank}
    day = to_datetime(asking.now_ns).date()
    movement = Movement(asking.id, asking.id.hex, "", amount_minor, currency_code, day, counterparty="")
    return asking.operation(
        "wallet.deposit",
        DepositReceipt(id=asking.id, party=party, currency=currency_code, amount_minor=amount_minor),
        transfers=(transfer,),
        rows=(expect_movement(asking, None, Expectation(bank, movement)),),
        events=(asking.event("wallet.deposited", (party,), told),),
    )


def open_clearing(asking: Asking, house: House, bank: int, currency_code: str) -> Operation:
    """Open the account of what a bank holds for Karez.

    Rejections: ``currency_not_open``.
    """
    account = house.account(
        accounts.clearing(bank, currency_code), house.currency(currency_code).money, AccountCode.CLEARING
    )
    return asking.operation(
        "bank.open_clearing", {"bank": bank, "currency": currency_code}, accounts=(account,)
    )


def change_level(asking: Asking, house: House, wallet: Wallet, level: LevelName) -> Operation:
    """Change what a wallet may spend; a lower limit needs as much of the higher one to be free.

    Rejections: ``currency_not_open``; in the book ``exceeds_credits``.
    """
    currency = house.currency(wallet.currency)
    return asking.operation(
        "wallet.change_level",
        _receipt(wallet, wallet.state, level),
        transfers=limit_change(asking, wallet.party, wallet.level, level, currency),
        rows=(_changed(wallet, {"level": level}),),
        events=(asking.event("wallet.level_changed", (wallet.party,), {"level": level}),),
    )


def freeze(asking: Asking, house: House, wallet: Wallet) -> Operation:
    """Stop all spending: what is there is reserved, and what comes later cannot be spent either.

    Rejections: ``wallet_frozen``, ``currency_not_open``.
    """
    check_open(wallet)
    held = _all_of_it(asking, wallet, house.currency(wallet.currency))
    return asking.operation(
        "wallet.freeze",
        _receipt(wallet, "frozen", wallet.level),
        transfers=(held,),
        rows=(_changed(wallet, {"state": "frozen", "freeze_id": str(held.id)}),),
        events=(asking.event("wallet.frozen", (wallet.party,), {"currency": wallet.currency}),),
    )


def unfreeze(asking: Asking, wallet: Wallet) -> Operation:
    """Let a frozen wallet spend again.

    Rejections: ``wallet_not_frozen``.
    """
    if wallet.freeze_id is None:
        raise Rejected("wallet_not_frozen", "This wallet is not frozen; there is nothing to lift.")
    lifted = Transfer(
        id=asking.made_id("transfer"), pending_id=wallet.freeze_id, flags=int(TransferFlags.VOID)
    )
    return asking.operation(
        "wallet.unfreeze",
        _receipt(wallet, "open", wallet.level),
        transfers=(lifted,),
        rows=(_changed(wallet, {"state": "open", "freeze_id": None}),),
        events=(asking.event("wallet.unfrozen", (wallet.party,), {"currency": wallet.currency}),),
    )


def check_not_open_yet(wallets: Sequence[Wallet], currency_code: str) -> None:
    """Refuse to open a wallet that is open already.

    Rejections: ``wallet_open_already``.
    """
    if any(wallet.currency == currency_code for wallet in wallets):
        raise Rejected(
            "wallet_open_already", f"There is a wallet in {currency_code} here already; use that one."
        )


def check_open(wallet: Wallet) -> None:
    """Refuse a wallet that may not spend.

    Rejections: ``wallet_frozen``.
    """
    if wallet.state == "frozen":
        raise Rejected(
            "wallet_frozen",
            "This wallet is frozen; ask customer service for the reason before you try again.",
        )


def _all_of_it(asking: Asking, wallet: Wallet, currency: Currency) -> Transfer:
    return money_moves(
        asking.made_id("transfer"),
        accounts.wallet(wallet.party, wallet.currency),
        accounts.suspense(wallet.currency),
        AMOUNT_MAX,
        currency.money,
        TransferCode.FREEZE,
        flags=int(TransferFlags.PENDING | TransferFlags.BALANCING_DEBIT),
    )


def _changed(wallet: Wallet, changes: dict[str, str | None]) -> RowUpdate:
    return RowUpdate(
        table="wallet",
        key={"party": str(wallet.party), "currency": wallet.currency},
        expected={"state": wallet.state, "level": wallet.level},
        changes={**changes},
    )


def _receipt(wallet: Wallet, state: str, level: str) -> WalletReceipt:
    return WalletReceipt(party=wallet.party, currency=wallet.currency, state=state, level=level)

"""Wallets: opening them, what is in them, paying money in, and what the operator decides about them."""

from typing import Any, Literal
from uuid import UUID

import msgspec
import psycopg
from litestar import Response, get, post, put
from litestar.params import FromPath

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, content_of, needed_key, no_facts
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    CurrencyCode,
    InstitutionNumber,
    MoneyAmount,
    NewId,
    PartyId,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.parties import people
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.house import House
from karez.services.payments.wallets import operations as wallets
from karez.services.payments.wallets.operations import DepositReceipt, WalletReceipt
from karez.services.payments.wallets.records import Wallet, find_wallet, wallets_of


class NewWallet(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A wallet to open."""

    currency: CurrencyCode


class NewDeposit(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money that the calling bank has received for somebody.

    Attributes:
        id: Your own new id; it makes retries safe.
        to: Whose wallet.
    """

    id: NewId
    to: PartyId
    currency: CurrencyCode
    amount_minor: MoneyAmount


class NewClearing(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A bank's clearing account to open."""

    institution: InstitutionNumber
    currency: CurrencyCode


class Clearing(msgspec.Struct, frozen=True, kw_only=True):
    """The account of what a bank holds for Karez."""

    bank: int
    currency: str


class LevelChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How well the holder of a wallet is known from now on."""

    level: Literal["basic", "verified", "full"]


class StateChange(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Whether a wallet may spend."""

    state: Literal["open", "frozen"]


class WalletView(msgspec.Struct, frozen=True, kw_only=True):
    """A wallet with its balance.

    Attributes:
        available_minor: What can be spent.
        reserved_minor: What is reserved and not gone yet.
        takings_minor: A shop's takings that were not settled yet; below zero after refunds.
    """

    party: PartyId
    currency: str
    state: str
    level: str
    available_minor: int
    reserved_minor: int
    takings_minor: int | None


class WalletList(msgspec.Struct, frozen=True):
    """The wallets of one party."""

    items: list[WalletView]


_RECEIPT = {"party": EXAMPLE_IDS[6], "currency": "CNY", "state": "open", "level": "basic"}
_VIEW = {**_RECEIPT, "available_minor": 1230, "reserved_minor": 0, "takings_minor": None}
_DEPOSIT = {"id": EXAMPLE_IDS[7], "to": EXAMPLE_IDS[6], "currency": "CNY", "amount_minor": 100_000}
_NEW_WALLET: Body[NewWallet] = Body(NewWallet, {"currency": "CNY"})
_NEW_DEPOSIT: Body[NewDeposit] = Body(NewDeposit, _DEPOSIT)
_NEW_CLEARING: Body[NewClearing] = Body(NewClearing, {"institution": 2, "currency": "CNY"})
_LEVEL: Body[LevelChange] = Body(LevelChange, {"level": "verified"})
_STATE: Body[StateChange] = Body(StateChange, {"state": "frozen"})
_WALLET_REFUSALS = (*OPERATION_REFUSALS, "idempotency_key_missing", "currency_not_open", "wallet_not_found")


@post(
    "/v1/wallets",
    opt={
        KEY: Documentation(
            name="openWallet",
            topic="Wallets",
            summary="Open a wallet in a currency",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW_WALLET,
            headers=(ACTING_FOR,),
            answers={201: Answer("Open, now or before", WalletReceipt, _RECEIPT)},
            refusals=(*OPERATION_REFUSALS, *ACTING_REFUSALS, "currency_not_open", "wallet_open_already"),
        )
    },
)
async def open_wallet(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Open a wallet at the lowest level."""
    body = await _NEW_WALLET.read(request)
    party = await party_of(services, caller, request)

    def read(conn: psycopg.Connection[Any]) -> tuple[people.Kind, list[Wallet]]:
        return people.known(conn, [party])[party].kind, wallets_of(conn, party)

    def decide(asking: Asking, house: House, facts: tuple[people.Kind, list[Wallet]]) -> Operation:
        kind, opened = facts
        wallets.check_not_open_yet(opened, body.currency)
        return wallets.open_wallet(asking, house, party, kind, body.currency)

    ask = asked(caller, party, f"wallet.open/{body.currency}", b"", None)
    reply = await carry(
        services,
        ask,
        lambda: services.database.as_party(party, read),
        decide,
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/wallets",
    opt={
        KEY: Documentation(
            name="listWallets",
            topic="Wallets",
            summary="List wallets with their balances",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("All wallets", WalletList, {"items": [_VIEW]})},
            refusals=ACTING_REFUSALS,
        )
    },
)
async def list_wallets(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the wallets of a party; the balances are the book's, of this moment."""
    party = await party_of(services, caller, request)
    found = await services.database.as_party(party, lambda conn: wallets_of(conn, party))
    ids = [accounts.wallet(party, each.currency) for each in found]
    ids += [accounts.takings(party, each.currency) for each in found]
    balances = await services.book.balances(ids)
    views = []
    for wallet, balance, takings in zip(found, balances, balances[len(found) :], strict=False):
        assert balance is not None, "a wallet is opened together with its account"
        views.append(
            WalletView(
                party=party,
                currency=wallet.currency,
                state=wallet.state,
                level=wallet.level,
                available_minor=balance.credits_posted - balance.debits_posted - balance.debits_pending,
                reserved_minor=balance.debits_pending,
                takings_minor=None if takings is None else takings.credits_posted - takings.debits_posted,
            )
        )
    return json_reply(WalletList(views))


@post(
    "/v1/clearing-accounts",
    opt={
        KEY: Documentation(
            name="openClearingAccount",
            topic="Wallets",
            summary="Open the account of what a bank holds for Karez, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_CLEARING,
            answers={201: Answer("Open, now or before", Clearing, {"bank": 2, "currency": "CNY"})},
            refusals=(*OPERATION_REFUSALS, "currency_not_open", "institution_not_found"),
        )
    },
)
async def open_clearing(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Open a clearing account."""
    body = await _NEW_CLEARING.read(request)

    def check(conn: psycopg.Connection[Any]) -> None:
        if conn.execute("SELECT FROM institution WHERE number = %s", (body.institution,)).fetchone() is None:
            raise Rejected(
                "institution_not_found", f"There is no institution {body.institution}; list them to find it."
            )

    ask = asked(caller, None, f"bank.open_clearing/{body.institution}/{body.currency}", b"", None)
    reply = await carry(
        services,
        ask,
        lambda: services.database.as_operator(check),
        lambda asking, house, _: wallets.open_clearing(asking, house, body.institution, body.currency),
    )
    return to_response(Reply(201, reply))


@post(
    "/v1/deposits",
    opt={
        KEY: Documentation(
            name="deposit",
            topic="Wallets",
            summary="Pay money that a bank has received for somebody into a wallet, as the bank",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW_DEPOSIT,
            answers={
                201: Answer(
                    "Paid in, now or before",
                    DepositReceipt,
                    {
                        "id": EXAMPLE_IDS[7],
                        "party": EXAMPLE_IDS[6],
                        "currency": "CNY",
                        "amount_minor": 100_000,
                    },
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "institution_needed",
                "currency_not_open",
                "payer_account_not_found",
                "payee_account_not_found",
            ),
        )
    },
)
async def deposit(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Book a deposit of the calling bank."""
    body = await _NEW_DEPOSIT.read(request)
    bank = caller.institution

    ask = asked(caller, None, "wallet.deposit", content_of(body), body.id)
    reply = await carry(
        services,
        ask,
        no_facts,
        lambda asking, house, _: wallets.deposit(
            asking, house, bank, body.to, body.currency, body.amount_minor
        ),
    )
    return to_response(Reply(201, reply))


@put(
    "/v1/wallets/{party_id:uuid}/{currency:str}/level",
    opt={
        KEY: Documentation(
            name="changeWalletLevel",
            topic="Wallets",
            summary="Change how much a wallet may spend, as the operator",
            access=Permission.OPERATOR,
            body=_LEVEL,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Changed", WalletReceipt, _RECEIPT)},
            refusals=(*_WALLET_REFUSALS, "limit_in_use"),
        )
    },
)
async def change_level(
    request: AnyRequest,
    party_id: FromPath[UUID],
    currency: FromPath[str],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Change a wallet's level."""
    level = (await _LEVEL.read(request)).level
    ask = asked(caller, None, f"wallet.level/{party_id}/{currency}", level.encode(), needed_key(request))
    reply = await carry(
        services,
        ask,
        lambda: services.database.as_operator(lambda conn: find_wallet(conn, party_id, currency)),
        lambda asking, house, wallet: wallets.change_level(asking, house, wallet, level),
    )
    return to_response(Reply(200, reply))


@put(
    "/v1/wallets/{party_id:uuid}/{currency:str}/state",
    opt={
        KEY: Documentation(
            name="changeWalletState",
            topic="Wallets",
            summary="Freeze a wallet or let it spend again, as the operator",
            access=Permission.OPERATOR,
            body=_STATE,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Changed", WalletReceipt, _RECEIPT)},
            refusals=(*_WALLET_REFUSALS, "wallet_frozen", "wallet_not_frozen"),
        )
    },
)
async def change_state(
    request: AnyRequest,
    party_id: FromPath[UUID],
    currency: FromPath[str],
    caller: TheCaller,
    services: TheServices,
) -> Response[bytes]:
    """Freeze or unfreeze a wallet."""
    state = (await _STATE.read(request)).state

    def decide(asking: Asking, house: House, wallet: Wallet) -> Operation:
        return (
            wallets.freeze(asking, house, wallet) if state == "frozen" else wallets.unfreeze(asking, wallet)
        )

    ask = asked(caller, None, f"wallet.state/{party_id}/{currency}", state.encode(), needed_key(request))
    reply = await carry(
        services,
        ask,
        lambda: services.database.as_operator(lambda conn: find_wallet(conn, party_id, currency)),
        decide,
    )
    return to_response(Reply(200, reply))


HANDLERS = (open_wallet, list_wallets, open_clearing, deposit, change_level, change_state)

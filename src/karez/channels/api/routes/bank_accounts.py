"""Bank accounts of shops, to which their takings are paid out."""

from typing import Annotated

import msgspec
from litestar import Response, get, post
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import EXAMPLE_IDS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.parties.roles import Permission
from karez.services.payments.settlement.bank_accounts import (
    BankAccountReceipt,
    NewBankAccount,
    bank_account_id,
    bank_accounts_of,
    masked,
    normalise_number,
    register,
)
from karez.services.payments.settlement.payout_banks import is_payout_bank

PayingBank = Annotated[
    int, Meta(ge=1, le=2**31 - 1, description="Number of the institution through which it is paid.")
]


class BankAccountToRegister(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A bank account.

    Attributes:
        bank: The institution through which it is paid.
        holder: Name of its holder.
        number: IBAN, or the number that the bank uses.
        bic: Of the bank that keeps it; left out, the paying bank keeps it itself.
    """

    bank: PayingBank
    holder: Annotated[str, Meta(min_length=1, max_length=140)]
    number: Annotated[str, Meta(min_length=1, max_length=60)]
    bic: Annotated[str, Meta(pattern="^[A-Z0-9]{8}([A-Z0-9]{3})?$")] | None = None


class BankAccountList(msgspec.Struct, frozen=True):
    """The bank accounts of a shop, the latest first."""

    items: list[BankAccountReceipt]


_RECEIPT = {"id": EXAMPLE_IDS[3], "bank": 2, "number": "**** 1234", "bic": ""}
_NEW: Body[BankAccountToRegister] = Body(
    BankAccountToRegister, {"bank": 2, "holder": "Corner shop", "number": "6222 0210 0112 1234"}
)


@post(
    "/v1/bank-accounts",
    opt={
        KEY: Documentation(
            name="registerBankAccount",
            topic="Settlement",
            summary="Register a bank account for payouts, as the shop",
            access=Permission.PAYMENTS_WRITE,
            body=_NEW,
            headers=(ACTING_FOR,),
            answers={201: Answer("Registered, now or before", BankAccountReceipt, _RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "bank_account_malformed",
                "bank_field_refused",
                "payout_bank_not_found",
                "bank_account_exists",
            ),
        )
    },
)
async def register_bank_account(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Seal and keep an account; from now on it is shown by its last digits only."""
    body = await _NEW.read(request)
    shop = await party_of(services, caller, request)
    new = NewBankAccount(body.bank, body.holder, body.number, body.bic or "")
    id_ = bank_account_id(services.sealer, shop, normalise_number(body.number))

    def read(conn: Connection) -> tuple[bool, bool]:
        known = any(each.id == id_ for each in bank_accounts_of(conn, shop))
        return is_payout_bank(conn, body.bank), known

    reply = await carry(
        services,
        asked(caller, shop, "bank_account.register", content_of(body), None),
        lambda: services.database.as_party(shop, read),
        lambda asking, _, facts: register(
            asking, services.sealer, shop, new, is_payout_bank=facts[0], is_known=facts[1]
        ),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/bank-accounts",
    opt={
        KEY: Documentation(
            name="listBankAccounts",
            topic="Settlement",
            summary="List the bank accounts of a shop",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("All of them", BankAccountList, {"items": [_RECEIPT]})},
            refusals=ACTING_REFUSALS,
        )
    },
)
async def list_bank_accounts(
    request: AnyRequest, caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return the accounts of the shop, masked."""
    shop = await party_of(services, caller, request)
    found = await services.database.as_party(shop, lambda conn: bank_accounts_of(conn, shop))
    return json_reply(
        BankAccountList(
            [
                BankAccountReceipt(id=each.id, bank=each.bank, number=masked(each.number_end), bic=each.bic)
                for each in found
            ]
        )
    )


HANDLERS = (register_bank_account, list_bank_accounts)

"""Banks that Karez can instruct, and money between wallets and accounts at them."""

from collections.abc import Callable
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.context import Services
from karez.channels.api.devices import DEVICE_ID, device_of
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    InstitutionNumber,
    Moment,
    MoneyAmount,
    NewId,
)
from karez.channels.api.fraud_guard import STOPPING_REFUSALS
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation
from karez.parties.roles import Permission
from karez.services.asking import Asking
from karez.services.payments.banks.links import LinkFacts, LinkReceipt, NewLink, link_bank, read_link
from karez.services.payments.banks.records import BankChoice, Instruction, bank_choices, find_instruction
from karez.services.payments.fraud.attempts import PaymentAttempt
from karez.services.payments.house import House
from karez.services.payments.wallets.bank_moves import (
    BankMoveReceipt,
    top_up,
    withdraw,
    withdrawal_attempt,
)
from karez.services.payments.wallets.records import Wallet, find_wallet

Url = Annotated[str, Meta(min_length=8, max_length=300, pattern=r"^https?://[!-~]+$")]
AccountReference = Annotated[
    str,
    Meta(min_length=1, max_length=64, pattern=r"^[!-~]+$", description="What the bank calls the account."),
]


class BankLinkBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How Karez reaches a bank.

    Attributes:
        institution: The bank.
        base_url: Where its protocol begins.
        secret: What both sides hold; it is sealed and never shown again.
        open: Whether it takes instructions.
        notify_url: Where it tells how an instruction ended: `/v1/bank-notices` of this API, by the name under
            which the bank reaches it.
    """

    institution: InstitutionNumber
    base_url: Url
    secret: Annotated[str, Meta(min_length=16, max_length=200)]
    currencies: Annotated[list[CurrencyCode], Meta(min_length=1, max_length=50)]
    open: bool = True
    notify_url: Url | None = None


class BankView(msgspec.Struct, frozen=True, kw_only=True):
    """A bank that Karez can instruct."""

    bank: InstitutionNumber
    currencies: list[str]
    state: str


class BankList(msgspec.Struct, frozen=True):
    """All banks that Karez can instruct."""

    items: list[BankView]


class NewBankMove(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """Money to move between a wallet and an account at a bank.

    Attributes:
        id: Your own new id; it makes retries safe.
    """

    id: NewId
    bank: InstitutionNumber
    account: AccountReference
    currency: CurrencyCode
    amount_minor: MoneyAmount


class BankMoveView(msgspec.Struct, frozen=True, kw_only=True):
    """How an instruction to a bank stands.

    Attributes:
        state: `succeeded` and `declined` are final; while it is `unknown` the bank is asked until it answers.
        code: What the bank said.
    """

    id: UUID
    bank: InstitutionNumber
    direction: str
    currency: str
    amount_minor: int
    state: str
    code: str
    created: Moment
    ended: Moment | None


_LINK = {
    "institution": 2,
    "base_url": "https://bank.example/karez",
    "secret": "what both sides hold",
    "currencies": ["CNY"],
}
_LINKED = {"bank": 2, "base_url": "https://bank.example/karez", "currencies": ["CNY"], "state": "open"}
_NEW = {"id": EXAMPLE_IDS[7], "bank": 2, "account": "6222-1", "currency": "CNY", "amount_minor": 100_000}
_RECEIPT = {
    "id": EXAMPLE_IDS[8],
    "bank": 2,
    "direction": "collect",
    "currency": "CNY",
    "amount_minor": 100_000,
}
_VIEW = {**_RECEIPT, "state": "succeeded", "code": "", "created": EXAMPLE_MOMENT, "ended": EXAMPLE_MOMENT}
_BANK_LINK: Body[BankLinkBody] = Body(BankLinkBody, _LINK)
_BANK_MOVE: Body[NewBankMove] = Body(NewBankMove, _NEW)
_MOVE_REFUSALS = (
    *OPERATION_REFUSALS,
    *ACTING_REFUSALS,
    "bank_not_open",
    "currency_not_open",
    "wallet_not_found",
    "amount_too_large",
)

Move = Callable[[Asking, House, BankChoice, Wallet, str, int], Operation]
Attempt = Callable[[Asking, tuple[BankChoice, Wallet], NewBankMove], PaymentAttempt]


@put(
    "/v1/bank-links",
    opt={
        KEY: Documentation(
            name="linkBank",
            topic="Banks",
            summary="Let Karez instruct a bank, as the operator",
            access=Permission.OPERATOR,
            body=_BANK_LINK,
            headers=(NEEDED_KEY,),
            answers={200: Answer("Linked", LinkReceipt, _LINKED)},
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "institution_not_found",
                "currency_not_open",
                "bank_url_malformed",
                "bank_secret_too_short",
                "bank_currencies_wrong",
            ),
        )
    },
)
async def link(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Keep how a bank is reached."""
    body = await _BANK_LINK.read(request)
    new = NewLink(
        bank=body.institution,
        base_url=body.base_url,
        notify_url=body.notify_url,
        secret=body.secret,
        currencies=tuple(body.currencies),
        is_open=body.open,
    )

    def read(conn: Connection) -> LinkFacts:
        if conn.execute("SELECT FROM institution WHERE number = %s", (body.institution,)).fetchone() is None:
            raise Rejected(
                "institution_not_found", f"There is no institution {body.institution}; list them to find it."
            )
        return read_link(conn, new)

    reply = await carry(
        services,
        asked(caller, None, f"bank.link/{body.institution}", content_of(body), needed_key(request)),
        lambda: services.database.as_operator(read),
        lambda asking, house, facts: link_bank(asking, house, facts, new, services.bank_sealer),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/banks",
    opt={
        KEY: Documentation(
            name="listBanks",
            topic="Banks",
            summary="List the banks between which and wallets money can be moved",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={
                200: Answer(
                    "All of them", BankList, {"items": [{"bank": 2, "currencies": ["CNY"], "state": "open"}]}
                )
            },
            refusals=ACTING_REFUSALS,
        )
    },
)
async def list_banks(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the banks that can be instructed."""
    party = await party_of(services, caller, request)
    choices = await services.database.as_party(party, bank_choices)
    return json_reply(
        BankList(
            [
                BankView(bank=each.institution, currencies=each.currencies, state=each.state)
                for each in choices
            ]
        )
    )


@post(
    "/v1/top-ups",
    opt={
        KEY: Documentation(
            name="topUp",
            topic="Banks",
            summary="Have a bank collect money for a wallet",
            access=Permission.PAYMENTS_WRITE,
            body=_BANK_MOVE,
            headers=(ACTING_FOR,),
            answers={201: Answer("Instructed; read how it stands", BankMoveReceipt, _RECEIPT)},
            refusals=_MOVE_REFUSALS,
        )
    },
)
async def make_top_up(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Instruct a bank to collect."""
    return await _move(request, caller, services, "wallet.top_up", top_up)


@post(
    "/v1/withdrawals",
    opt={
        KEY: Documentation(
            name="withdraw",
            topic="Banks",
            summary="Have a bank pay money from a wallet out",
            access=Permission.PAYMENTS_WRITE,
            body=_BANK_MOVE,
            headers=(ACTING_FOR, DEVICE_ID),
            answers={
                201: Answer(
                    "Reserved and instructed; read how it stands",
                    BankMoveReceipt,
                    {**_RECEIPT, "direction": "pay_out"},
                )
            },
            refusals=(
                *_MOVE_REFUSALS,
                *STOPPING_REFUSALS,
                "wallet_frozen",
                "payment_limit_exceeded",
                "day_limit_exceeded",
                "balance_too_low",
            ),
        )
    },
)
async def make_withdrawal(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Instruct a bank to pay out."""
    device = device_of(services, request)

    def attempt(asking: Asking, facts: tuple[BankChoice, Wallet], body: NewBankMove) -> PaymentAttempt:
        return withdrawal_attempt(asking, *facts, body.account, body.amount_minor, device)

    return await _move(request, caller, services, "wallet.withdraw", withdraw, attempt)


async def _move(
    request: AnyRequest,
    caller: Caller,
    services: Services,
    kind: str,
    move: Move,
    attempt: Attempt | None = None,
) -> Response[bytes]:
    body = await _BANK_MOVE.read(request)
    party = await party_of(services, caller, request)

    def read(conn: Connection) -> tuple[BankChoice, Wallet]:
        chosen = [each for each in bank_choices(conn) if each.institution == body.bank]
        if not chosen:
            raise Rejected(
                "bank_not_open", f"There is no bank {body.bank} that takes instructions; list the banks."
            )
        return chosen[0], find_wallet(conn, party, body.currency)

    reply = await carry(
        services,
        asked(caller, party, kind, content_of(body), body.id),
        lambda: services.database.as_party(party, read),
        lambda asking, house, facts: move(asking, house, *facts, body.account, body.amount_minor),
        None if attempt is None else lambda asking, facts: attempt(asking, facts, body),
    )
    return to_response(Reply(201, reply))


@get(
    "/v1/bank-moves/{instruction_id:uuid}",
    opt={
        KEY: Documentation(
            name="readBankMove",
            topic="Banks",
            summary="Read how a top-up or withdrawal stands",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("How it stands", BankMoveView, _VIEW)},
            refusals=(*ACTING_REFUSALS, "instruction_not_found"),
        )
    },
)
async def read_bank_move(
    request: AnyRequest, instruction_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Return an instruction of the party."""
    party = await party_of(services, caller, request)
    return json_reply(
        _view(await services.database.as_party(party, lambda conn: find_instruction(conn, instruction_id)))
    )


def _view(found: Instruction) -> BankMoveView:
    return BankMoveView(
        id=found.id,
        bank=found.bank,
        direction=found.direction,
        currency=found.currency,
        amount_minor=found.amount_minor,
        state=found.state,
        code=found.answer_code,
        created=format_moment(found.created_ns),
        ended=None if found.ended_ns is None else format_moment(found.ended_ns),
    )


HANDLERS = (link, list_banks, make_top_up, make_withdrawal, read_bank_move)

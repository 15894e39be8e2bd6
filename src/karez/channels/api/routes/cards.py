"""Cards that people pay with: binding them, their limits, and unbinding them."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, get, post, put
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api import card_binding
from karez.channels.api.acting import ACTING_FOR, ACTING_REFUSALS, party_of
from karez.channels.api.asking import asked
from karez.channels.api.bodies import Body
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.fields import (
    EXAMPLE_IDS,
    EXAMPLE_MOMENT,
    CurrencyCode,
    InstitutionNumber,
    Moment,
    MoneyAmount,
    PersonalText,
)
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.moments import format_moment
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.outcomes import Rejected
from karez.ledger.model import Balance
from karez.parties.roles import Permission
from karez.services.payments import accounts
from karez.services.payments.cards import operations
from karez.services.payments.cards.binding import CardReceipt, new_card
from karez.services.payments.cards.limits import CardLimits
from karez.services.payments.cards.numbers import read_number
from karez.services.payments.cards.records import Card, cards_of, find_card


class NewCardBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A card to bind.

    Attributes:
        bank: That has issued it.
        currency: Of the account behind it.
        number: As it stands on the card; it goes into the vault and to the bank, and nowhere else.
        expiry: Its last month, like `2029-08`.
        holder: The name that the bank knows.
        phone: Where the bank sends its code.
    """

    bank: InstitutionNumber
    currency: CurrencyCode
    number: Annotated[str, Meta(min_length=12, max_length=40)]
    expiry: Annotated[str, Meta(pattern=r"^20[0-9]{2}-(0[1-9]|1[0-2])$")]
    holder: PersonalText
    phone: Annotated[str, Meta(min_length=5, max_length=30, pattern=r"^[+0-9 -]+$")]


class CodeBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """The code that the bank has sent."""

    code: Annotated[str, Meta(min_length=4, max_length=12, pattern=r"^[0-9A-Za-z]+$")]


class CardLimitsBody(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """What may be paid with a card, at once and in 24 hours."""

    payment_max_minor: MoneyAmount
    day_max_minor: MoneyAmount


class CardView(CardReceipt, frozen=True, kw_only=True):
    """A card.

    Attributes:
        day_left_minor: What may still be paid with it now.
        challenge_expires: While it is `asked`: until when its code is taken.
        bound: Since when it can be paid with.
    """

    day_left_minor: int
    challenge_expires: Moment | None
    bound: Moment | None


class CardList(msgspec.Struct, frozen=True):
    """All cards of a party."""

    items: list[CardView]


_NEW = {
    "bank": 2,
    "currency": "CNY",
    "number": "6200 0000 0000 0005",
    "expiry": "2029-08",
    "holder": "Ana Wang",
    "phone": "+8613900000001",
}
_RECEIPT = {
    "id": EXAMPLE_IDS[3],
    "bank": 2,
    "currency": "CNY",
    "scheme": "unionpay",
    "ending": "0005",
    "expiry": "2029-08",
    "state": "asked",
    "payment_max_minor": 500_000,
    "day_max_minor": 1_000_000,
}
_BOUND = {**_RECEIPT, "state": "bound"}
_VIEW = {**_BOUND, "day_left_minor": 1_000_000, "challenge_expires": None, "bound": EXAMPLE_MOMENT}
_LIMITS = {"payment_max_minor": 100_000, "day_max_minor": 200_000}
_CARD: Body[NewCardBody] = Body(NewCardBody, _NEW)
_CODE: Body[CodeBody] = Body(CodeBody, {"code": "123456"})
_CARD_LIMITS: Body[CardLimitsBody] = Body(CardLimitsBody, _LIMITS)
_REFUSALS = (*OPERATION_REFUSALS, *ACTING_REFUSALS, "card_not_found", "card_state_wrong")


@post(
    "/v1/cards",
    opt={
        KEY: Documentation(
            name="bindCard",
            topic="Cards",
            summary="Begin to bind a card: its bank sends the holder a code",
            description="The same card of the same person keeps its id, however often it is bound and unbound. In 24 "
            "hours a person can begin ten bindings that do not end with a bound card.",
            access=Permission.PAYMENTS_WRITE,
            body=_CARD,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={201: Answer("The card waits for the code", CardReceipt, _RECEIPT)},
            refusals=(
                *OPERATION_REFUSALS,
                *ACTING_REFUSALS,
                "idempotency_key_missing",
                "card_number_wrong",
                "card_expiry_malformed",
                "card_expired",
                "card_bound_before",
                "card_binding_paused",
                "card_bindings_used_up",
                "card_refused",
                "bank_not_open",
                "currency_not_open",
                "bank_unavailable",
            ),
        )
    },
)
async def bind_card(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Put the number into the vault, and have the bank send its code."""
    body = await _CARD.read(request)
    party, key = await party_of(services, caller, request), needed_key(request)
    number = read_number(body.number)
    token = await card_binding.put_in_vault(services, party, number)
    # The token stands for the number, of which nothing may be kept: not even a digest that one could try to guess.
    content = content_of([body.bank, body.currency, body.expiry, body.holder, body.phone])
    try:
        reply = await card_binding.begin(
            services,
            asked(caller, party, f"card.ask/{token}", content, key),
            new_card(party, token, number, body.expiry, body.bank, body.currency),
            card_binding.Holding(number, body.holder, body.phone),
        )
    except Rejected:
        await card_binding.forget(services, party, token)
        raise
    return to_response(Reply(201, reply))


@post(
    "/v1/cards/{card_id:uuid}/code",
    status_code=200,
    opt={
        KEY: Documentation(
            name="proveCard",
            topic="Cards",
            summary="Bind a card by the code that its bank has sent",
            description="Every code counts, also one that is sent again; when too many were wrong, the card is "
            "refused.",
            access=Permission.PAYMENTS_WRITE,
            body=_CODE,
            headers=(ACTING_FOR,),
            answers={200: Answer("Bound, now or before", CardReceipt, _BOUND)},
            refusals=(
                *_REFUSALS,
                "card_challenge_over",
                "card_code_wrong",
                "card_codes_used_up",
                "bank_unavailable",
            ),
        )
    },
)
async def prove_card(
    request: AnyRequest, card_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Have the bank judge the code."""
    code = (await _CODE.read(request)).code
    party = await party_of(services, caller, request)
    return to_response(Reply(200, await card_binding.prove(services, caller, party, card_id, code)))


@get(
    "/v1/cards",
    opt={
        KEY: Documentation(
            name="listCards",
            topic="Cards",
            summary="List a person's cards, with what may still be paid with them today",
            access=Permission.PAYMENTS_READ,
            headers=(ACTING_FOR,),
            answers={200: Answer("All of them", CardList, {"items": [_VIEW]})},
            refusals=ACTING_REFUSALS,
        )
    },
)
async def list_cards(request: AnyRequest, caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return the cards of the party."""
    party = await party_of(services, caller, request)
    cards = await services.database.as_party(party, lambda conn: cards_of(conn, party))
    balances = await services.book.balances([accounts.card_limit(card.id) for card in cards]) if cards else []
    return json_reply(CardList([_view(*each) for each in zip(cards, balances, strict=True)]))


@put(
    "/v1/cards/{card_id:uuid}/limits",
    opt={
        KEY: Documentation(
            name="changeCardLimits",
            topic="Cards",
            summary="Choose how much may be paid with a card, at once and in 24 hours",
            access=Permission.PAYMENTS_WRITE,
            body=_CARD_LIMITS,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Changed", CardReceipt, {**_BOUND, **_LIMITS})},
            refusals=(
                *_REFUSALS,
                "idempotency_key_missing",
                "card_limits_out_of_range",
                "card_limit_in_use",
                "currency_not_open",
            ),
        )
    },
)
async def change_card_limits(
    request: AnyRequest, card_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Change the limits."""
    body = await _CARD_LIMITS.read(request)
    party = await party_of(services, caller, request)
    wanted = CardLimits(body.payment_max_minor, body.day_max_minor)
    reply = await carry(
        services,
        asked(caller, party, f"card.limits/{card_id}", content_of(body), needed_key(request)),
        lambda: services.database.as_party(party, lambda conn: find_card(conn, party, card_id)),
        lambda asking, house, card: operations.change_limits(asking, house, card, wanted),
    )
    return to_response(Reply(200, reply))


@post(
    "/v1/cards/{card_id:uuid}/unbind",
    status_code=200,
    opt={
        KEY: Documentation(
            name="unbindCard",
            topic="Cards",
            summary="Unbind a card: nothing new is paid with it, and its number is forgotten",
            description="Payments for which the bank was asked end as they would, and refunds still find the card.",
            access=Permission.PAYMENTS_WRITE,
            headers=(ACTING_FOR, NEEDED_KEY),
            answers={200: Answer("Unbound", CardReceipt, {**_RECEIPT, "state": "unbound"})},
            refusals=(*_REFUSALS, "idempotency_key_missing"),
        )
    },
)
async def unbind_card(
    request: AnyRequest, card_id: FromPath[UUID], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Unbind the card, and let the vault forget its number."""
    party = await party_of(services, caller, request)
    reply = await carry(
        services,
        asked(caller, party, f"card.unbind/{card_id}", b"", needed_key(request)),
        lambda: services.database.as_party(party, lambda conn: find_card(conn, party, card_id)),
        lambda asking, _, card: operations.unbind(asking, card),
    )
    await card_binding.forget(services, party, card_id)
    return to_response(Reply(200, reply))


def _view(card: Card, limit: Balance | None) -> CardView:
    left_minor = 0 if limit is None else limit.credits_posted - limit.debits_posted - limit.debits_pending
    return CardView(
        id=card.id,
        bank=card.bank,
        currency=card.currency,
        scheme=card.scheme,
        ending=card.ending,
        expiry=card.expiry,
        state=card.state,
        payment_max_minor=card.payment_max_minor,
        day_max_minor=card.day_max_minor,
        day_left_minor=left_minor,
        challenge_expires=format_moment(card.challenge_until_ns) if card.state == "asked" else None,
        bound=None if card.bound_ns is None else format_moment(card.bound_ns),
    )


HANDLERS = (bind_card, prove_card, list_cards, change_card_limits, unbind_card)

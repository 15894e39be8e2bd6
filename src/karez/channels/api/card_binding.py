"""Binding a card: the vault, the book and the bank in turn, with no transaction open while the bank is asked.

It happens in the web process, because here the number is in memory anyway and the holder waits for the bank's word:
so neither a number nor a code is ever put down for a worker to find. Whatever dies in between, the holder sends the
same request again; the bank knows the binding by its id.
"""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from uuid import UUID

from karez.channels.api.asking import Asked
from karez.channels.api.caller import Caller
from karez.channels.api.caller_database import Connection
from karez.channels.api.carrying import carry
from karez.channels.api.context import Services
from karez.channels.api.replies import encode
from karez.core.ids import derived_id, new_id
from karez.core.outcomes import Rejected, Unavailable
from karez.services.payments.banks.messages import Binding, BindingRequest
from karez.services.payments.banks.records import AddressedBank, Link, find_bank, open_links
from karez.services.payments.cards import binding, vault
from karez.services.payments.cards.attempts import currency_of_attempts
from karez.services.payments.cards.numbers import CardNumber
from karez.services.payments.cards.records import Card, find_card, look_up_card
from karez.services.payments.cards.states import State

_REFERENCE_LENGTH_MAX = 64


@dataclass(frozen=True, slots=True)
class Holding:
    """What the bank is told of a card so that it finds its holder.

    Attributes:
        number: The card's.
        holder: The name on it.
        phone: Where the bank sends its code.
    """

    number: CardNumber
    holder: str = field(repr=False)
    phone: str = field(repr=False)


async def put_in_vault(services: Services, party: UUID, number: CardNumber) -> UUID:
    """Keep a number and return the token of its card."""
    now_ns = services.clock.now_ns()
    return await services.database.as_vault(
        party, lambda conn: vault.put_number(conn, services.vault_sealer, party, number, now_ns)
    )


async def forget(services: Services, party: UUID, token: UUID) -> None:
    """Have the vault forget a number whose card is not in use."""
    await services.database.as_vault(party, lambda conn: vault.forget_number(conn, party, token))


async def begin(services: Services, ask: Asked, new: binding.NewCard, holding: Holding) -> bytes:
    """Have the bank send the holder a code, and return how the card stands.

    Args:
        services: What handlers use.
        ask: The holder's request, without the number.
        new: The card, whose number is in the vault.
        holding: What the bank is told.

    Rejections: those of ``binding.ask``; ``card_bindings_used_up``, ``card_refused``.

    Raises:
        Unavailable: ``bank_unavailable``; the same request may be repeated.
    """

    def read(conn: Connection) -> tuple[AddressedBank, Card | None, str | None]:
        card = look_up_card(conn, new.party, new.id)
        return find_bank(conn, new.bank), card, currency_of_attempts(conn, new.party)

    reply = await carry(
        services,
        ask,
        lambda: services.database.as_party(new.party, read),
        lambda asking, house, facts: binding.ask(asking, house, new, *facts),
    )
    # If the card was unbound in this moment, its number may just have been forgotten.
    await put_in_vault(services, new.party, holding.number)
    card = await _read(services, new.party, new.id)
    if card.standing is not State.ASKED:
        return reply
    link = await _link(services, card)
    request = BindingRequest(
        id=card.binding, number=holding.number.digits, holder=holding.holder, phone=holding.phone
    )
    told = await _told(card, services.bank_connector.begin_binding(link, request))
    if told.state == "refused":
        await _refuse(services, card, is_used_up=False)
        raise Rejected(
            "card_refused",
            f"The bank {card.bank} knows no such card of this holder; check the number, the name and the phone.",
        )
    return reply


async def prove(services: Services, caller: Caller, party: UUID, card_id: UUID, code: str) -> bytes:
    """Have the bank judge a code, and return the card once it is bound.

    Args:
        services: What handlers use.
        caller: Who asks.
        party: The holder.
        card_id: The card.
        code: What the holder has read.

    Rejections: ``card_not_found``, those of ``binding.try_code``; ``card_code_wrong``.

    Raises:
        Unavailable: ``bank_unavailable``; the same request may be repeated.
    """
    try:
        # Under a new id each time: what is repeated is one more code, or one could be tried after another.
        await carry(
            services,
            Asked(new_id(services.clock.now_ns()), f"{caller.actor} for {party}", b""),
            lambda: _read(services, party, card_id),
            lambda asking, _, card: binding.try_code(asking, card),
        )
    except Rejected:
        card = await _read(services, party, card_id)
        if card.standing is not State.BOUND:
            raise
        return encode(binding.receipt_of(card, {}))
    card = await _read(services, party, card_id)
    link = await _link(services, card)
    told = await _told(card, services.bank_connector.prove_binding(link, card.binding, code))
    if told.state == "bound":
        return await _bind(services, card, told.token)
    if told.state == "refused" or card.tries >= binding.TRIES_MAX:
        await _refuse(services, card, is_used_up=True)
        raise binding.codes_used_up()
    left = binding.TRIES_MAX - card.tries
    raise Rejected(
        "card_code_wrong",
        f"The bank has sent another code; read it again. {left} more are taken, unless the bank stops before.",
        left=left,
    )


async def _bind(services: Services, card: Card, reference: str) -> bytes:
    is_plain = 0 < len(reference) <= _REFERENCE_LENGTH_MAX and reference.isascii() and reference.isprintable()
    tells_number = await services.database.as_vault(
        card.party, lambda conn: vault.holds_number(conn, services.vault_sealer, card.party, reference)
    )
    if not is_plain or " " in reference or tells_number:
        raise _unavailable(card)
    return await carry(
        services,
        Asked(derived_id(card.binding, "bound"), f"bank {card.bank}", b""),
        lambda: _read(services, card.party, card.id),
        lambda asking, house, read: binding.prove(asking, house, read, reference),
    )


async def _refuse(services: Services, card: Card, *, is_used_up: bool) -> None:
    await carry(
        services,
        Asked(derived_id(card.binding, "refused"), f"bank {card.bank}", b""),
        lambda: _read(services, card.party, card.id),
        lambda asking, _, read: binding.refuse(asking, read, is_used_up=is_used_up),
    )


async def _read(services: Services, party: UUID, card: UUID) -> Card:
    return await services.database.as_party(party, lambda conn: find_card(conn, party, card))


async def _link(services: Services, card: Card) -> Link:
    links = await services.database.as_vault(card.party, open_links)
    if card.bank not in links:
        raise _unavailable(card)
    return links[card.bank]


async def _told(card: Card, call: Awaitable[Binding]) -> Binding:
    """Return the bank's word; its own sentences go nowhere, for they may repeat what it was told."""
    try:
        told = await call
    except Unavailable:
        raise _unavailable(card) from None
    if told.id != card.binding:
        raise _unavailable(card)
    return told


def _unavailable(card: Card) -> Unavailable:
    return Unavailable(
        "bank_unavailable",
        f"The bank {card.bank} gave no answer that can be used; send the same request again shortly.",
        retry_after_s=5,
    )

"""Binding a card: its bank sends the holder a code, and the code that comes back proves that it is the holder's.

Three operations, and between them calls of the bank with no transaction open:

ask     the card waits for a code        then the bank is asked to send one; the same binding again is the same code
try     one more code was named          then the bank is asked whether it is right
prove   the bank says that it is         the card is bound, and its limits are funded
refuse  the bank says no for good, or the codes of this challenge are used up

A code is counted before the bank hears it, so however many are named at once, at most ``TRIES_MAX`` reach the bank;
and so is a challenge (see ``attempts``).
Whatever dies in between, nothing is lost: a card that waits is asked for again under the same binding.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking
from karez.services.payments import accounts
from karez.services.payments.accounts import AccountCode
from karez.services.payments.banks.records import BankChoice
from karez.services.payments.cards.attempts import attempt_was_right, count_attempt
from karez.services.payments.cards.limits import CardLimits, first_limits, fund
from karez.services.payments.cards.numbers import CardNumber, check_expiry
from karez.services.payments.cards.records import Card
from karez.services.payments.cards.states import Action, State, reached
from karez.services.payments.house import DEBITS_LIMITED, House

CHALLENGE_S = 600
TRIES_MAX = 5
PAUSE_S = 3_600
"""After a challenge whose codes were used up, before the next one of this card."""

_NANOSECONDS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class NewCard:
    """A card that somebody wants to pay with; its number stays behind in the vault.

    Attributes:
        party: Whose it is.
        id: The token of its number.
        bank: Institution number of its bank.
        currency: ISO 4217 letters.
        scheme: Whose rules it follows.
        ending: The last four digits.
        expiry: Its last month.
    """

    party: UUID
    id: UUID
    bank: int
    currency: str
    scheme: str
    ending: str
    expiry: str


class CardReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A card after a change."""

    id: UUID
    bank: int
    currency: str
    scheme: str
    ending: str
    expiry: str
    state: str
    payment_max_minor: int
    day_max_minor: int


def new_card(party: UUID, token: UUID, number: CardNumber, expiry: str, bank: int, currency: str) -> NewCard:
    """Return what is known of a card outside the vault."""
    return NewCard(party, token, bank, currency, number.scheme, number.ending, expiry)


def ask(
    asking: Asking,
    house: House,
    new: NewCard,
    bank: BankChoice,
    card: Card | None,
    counted_in: str | None,
) -> Operation:
    """Let a card wait for the code that its bank is to send; a challenge that is running goes on.

    Args:
        asking: The holder's request.
        house: The payment house.
        new: What is wanted.
        bank: The card's.
        card: As it was read, if it was asked for before.
        counted_in: In which currency's unit the holder's attempts are counted; ``None`` before the first one.

    Rejections: ``bank_not_open``, ``currency_not_open``, ``card_expired``, ``card_bound_before``,
        ``card_binding_paused``; in the book ``exceeds_credits`` where the holder's attempts are used up.
    """
    limits = first_limits(house.currency(new.currency))
    _check_askable(asking.now_ns, new, bank, card)
    if card is not None and _is_running(card, asking.now_ns):
        return asking.operation("card.ask_again", receipt_of(card, {}))
    binding = asking.made_id("card binding")
    opened, counted = count_attempt(asking, house, new.party, binding, new.currency, counted_in)
    changes: dict[str, Scalar] = {
        "bank": new.bank,
        "currency": new.currency,
        "expiry": new.expiry,
        "state": State.ASKED if card is None else reached(card.standing, Action.ASK),
        "binding": str(binding),
        "tries": 0,
        "challenge_until_ns": asking.now_ns + CHALLENGE_S * _NANOSECONDS,
        "reference": "",
        "asked_ns": asking.now_ns,
        "bound_ns": None,
        "ended_ns": None,
    }
    row, reply = _first_asked(new, limits, changes) if card is None else _asked_anew(card, changes)
    return asking.operation("card.ask", reply, accounts=opened, transfers=counted, rows=(row,))


def _check_askable(now_ns: int, new: NewCard, bank: BankChoice, card: Card | None) -> None:
    check_expiry(new.expiry, now_ns)
    if bank.state != "open" or new.currency not in bank.currencies:
        raise Rejected(
            "bank_not_open",
            f"The bank {bank.institution} binds no cards in {new.currency} just now; try again later.",
        )
    if card is None:
        return
    if card.standing is State.BOUND:
        raise Rejected(
            "card_bound_before",
            f"This card is bound already, as {card.id}; pay with it, or unbind it before you bind it anew.",
            card=str(card.id),
        )
    if now_ns < card.again_from_ns and not _is_running(card, now_ns):
        raise Rejected(
            "card_binding_paused",
            "Too many wrong codes were named for this card; try to bind it again in an hour.",
        )


def _is_running(card: Card, now_ns: int) -> bool:
    return card.standing is State.ASKED and now_ns < card.challenge_until_ns


def _asked_anew(card: Card, changes: dict[str, Scalar]) -> tuple[RowUpdate, CardReceipt]:
    return changed(card, changes), receipt_of(card, changes)


def _first_asked(
    new: NewCard, limits: CardLimits, changes: dict[str, Scalar]
) -> tuple[RowInsert, CardReceipt]:
    first: dict[str, Scalar] = {
        "scheme": new.scheme,
        "ending": new.ending,
        "again_from_ns": 0,
        "limit_account": str(accounts.card_limit(new.id)),
        "payment_max_minor": limits.payment_max_minor,
        "day_max_minor": limits.day_max_minor,
        "first_bound_ns": None,
    }
    row = RowInsert(
        table="card", key={"party": str(new.party), "id": str(new.id)}, values={**changes, **first}
    )
    reply = CardReceipt(
        id=new.id,
        bank=new.bank,
        currency=new.currency,
        scheme=new.scheme,
        ending=new.ending,
        expiry=new.expiry,
        state=State.ASKED,
        payment_max_minor=limits.payment_max_minor,
        day_max_minor=limits.day_max_minor,
    )
    return row, reply


def try_code(asking: Asking, card: Card) -> Operation:
    """Count a code before the bank hears it.

    Rejections: ``card_state_wrong``, ``card_challenge_over``, ``card_codes_used_up``.
    """
    reached(card.standing, Action.TRY)
    if asking.now_ns >= card.challenge_until_ns:
        raise Rejected(
            "card_challenge_over",
            "The time of this code is over; bind the card again to be sent another one.",
        )
    if card.tries >= TRIES_MAX:
        raise codes_used_up()
    changes: dict[str, Scalar] = {"tries": card.tries + 1}
    return asking.operation("card.try", receipt_of(card, changes), rows=(changed(card, changes),))


def prove(asking: Asking, house: House, card: Card, reference: str) -> Operation:
    """Bind a card, because its bank says that the code was right; the attempt does not count then.

    Args:
        asking: The bank's word.
        house: The payment house.
        card: As it was read.
        reference: What the bank calls it in orders.

    Rejections: ``card_state_wrong``.
    """
    currency = house.currency(card.currency)
    changes: dict[str, Scalar] = {
        "state": reached(card.standing, Action.PROVE),
        "reference": reference,
        "first_bound_ns": card.first_bound_ns or asking.now_ns,
        "bound_ns": asking.now_ns,
    }
    is_first = card.first_bound_ns is None
    funded = fund(asking, card.id, 0, card.day_max_minor, currency) if is_first else ()
    limit = house.account(
        accounts.card_limit(card.id),
        currency.limit,
        AccountCode.CARD_LIMIT,
        flags=DEBITS_LIMITED,
        party=card.party,
    )
    return asking.operation(
        "card.bind",
        receipt_of(card, changes),
        accounts=(limit,) if is_first else (),
        transfers=(*attempt_was_right(asking, card), *funded),
        rows=(changed(card, changes),),
        events=(asking.event("card.bound", (card.party,), told_of(card)),),
    )


def refuse(asking: Asking, card: Card, *, is_used_up: bool) -> Operation:
    """End a challenge that cannot be met any more.

    Args:
        asking: The bank's word, or the last code's.
        card: As it was read.
        is_used_up: Whether wrong codes have ended it: then the next one has to wait.

    Rejections: ``card_state_wrong``.
    """
    changes: dict[str, Scalar] = {
        "state": reached(card.standing, Action.REFUSE),
        "again_from_ns": asking.now_ns + PAUSE_S * _NANOSECONDS if is_used_up else 0,
        "ended_ns": asking.now_ns,
    }
    return asking.operation(
        "card.refuse",
        receipt_of(card, changes),
        rows=(changed(card, changes),),
        events=(asking.event("card.refused", (card.party,), told_of(card)),),
    )


def codes_used_up() -> Rejected:
    """Return the refusal of one code too many."""
    return Rejected(
        "card_codes_used_up",
        "As many codes were named for this challenge as are taken; bind the card again in an hour.",
    )


def changed(card: Card, changes: dict[str, Scalar]) -> RowUpdate:
    """Return the change of a card's row from how it was read."""
    return RowUpdate(
        table="card",
        key={"party": str(card.party), "id": str(card.id)},
        expected={
            "state": card.state,
            "binding": str(card.binding),
            "tries": card.tries,
            "payment_max_minor": card.payment_max_minor,
            "day_max_minor": card.day_max_minor,
        },
        changes={**changes},
    )


def receipt_of(card: Card, changes: dict[str, Scalar]) -> CardReceipt:
    """Return what is told of a card once some of its columns have changed."""
    names = CardReceipt.__struct_fields__
    return msgspec.convert(
        {name: changes.get(name, getattr(card, name)) for name in names}, CardReceipt, strict=False
    )


def told_of(card: Card) -> dict[str, object]:
    """Return what events tell of a card."""
    return {"card": card.id, "bank": card.bank, "scheme": card.scheme, "ending": card.ending}

"""Sending money to a person: the form, a look at it before it is sent, and the receipt.

The look carries the id of the operation, so sending it twice has one effect and one receipt.
"""

from dataclasses import dataclass
from uuid import UUID

import msgspec
from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

from karez.channels.api.asking import asked
from karez.channels.api.carrying import carry, content_of
from karez.channels.api.naming_payees import payee_known_by
from karez.channels.web.balances import BalanceShown, balances_of
from karez.channels.web.devices import device_of
from karez.channels.web.forms import Form
from karez.channels.web.sentences import sentence_of
from karez.channels.web.visits import TheVisit, Visit
from karez.core.ids import new_id
from karez.core.money import currency_exponent, parse_amount
from karez.core.outcomes import Rejected
from karez.parties.logins import login_field
from karez.services.payments.trades.operations import check_amount
from karez.services.payments.transfers import operations as transfers
from karez.services.payments.transfers.operations import MoneyTransferReceipt, Sending, payee_not_found
from karez.services.payments.transfers.records import Payee, find_money_transfer
from karez.services.payments.wallets.records import find_wallet

_PERSON = {"form": "/send", "kinds": ("person",)}
_LOOK = "/send/check"
_NOTE_LENGTH_MAX = 100
_FIELD_OF = {
    "phone_malformed": "to",
    "email_malformed": "to",
    "payee_not_found": "to",
    "payee_is_payer": "to",
    "currency_unknown": "currency",
    "currency_not_open": "currency",
    "wallet_not_found": "currency",
    "amount_malformed": "amount",
    "amount_too_precise": "amount",
    "amount_too_large": "amount",
    "amount_not_positive": "amount",
    "balance_too_low": "amount",
    "payment_limit_exceeded": "amount",
    "day_limit_exceeded": "amount",
}


@dataclass(frozen=True)
class _Wanted:
    """What was typed, understood."""

    to: str
    sending: Sending


@get("/send", opt=_PERSON)
async def show_form(visit: TheVisit) -> Response[bytes]:
    """Show the form, filled if a session ended in the middle of it."""
    return await _show_form(visit, visit.draft(), 200)


@post("/send", status_code=303, opt=_PERSON)
async def check_form(visit: TheVisit) -> Response[bytes]:
    """Go on to the look at what is going to be sent, or back to the form with it."""
    form = visit.form
    if form.values.get("change"):
        visit.keep_draft(visit.party, "/send")
        return visit.go("/send")
    try:
        wanted = _read(form)
        payee = await _payee(visit, wanted)
        if payee is None:
            raise payee_not_found(wanted.sending.currency)
        if payee.party == visit.party:
            raise Rejected("payee_is_payer", "Nobody sends money to themselves; name another person.")
    except Rejected as rejection:
        return await _show_form(visit, _wrong(visit, form, rejection), 422)
    visit.keep_draft(visit.party, _LOOK, key=str(new_id(visit.services.clock.now_ns())))
    return visit.go(_LOOK)


@get(_LOOK, opt=_PERSON)
async def show_look(visit: TheVisit) -> Response[bytes]:
    """Show once more what is going to be sent, to whom."""
    form = visit.restored()
    if form is None:
        return visit.go("/send")
    try:
        wanted = _read(form)
        payee = await _payee(visit, wanted)
    except Rejected:
        return visit.go("/send")
    return visit.page("send_check.html", form=form, wanted=wanted, payee=payee)


@post("/send/now", status_code=303, opt=_PERSON)
async def send(visit: TheVisit) -> Response[bytes]:
    """Send it, once, and show the receipt."""
    form, services, payer = visit.form, visit.services, visit.party
    try:
        wanted, key = _read(form), UUID(form.text("key"))
        payee, sending = await _payee(visit, wanted), wanted.sending
        device = device_of(visit)
        reply = await carry(
            services,
            asked(visit, payer, "money_transfer.send", content_of(wanted), key),
            lambda: services.database.as_party(
                payer, lambda conn: find_wallet(conn, payer, sending.currency)
            ),
            lambda asking, house, wallet: transfers.send(asking, house, wallet, payee, sending),
            lambda asking, _: transfers.sending_attempt(asking, payer, payee, sending, device),
        )
    except ValueError:
        return await _show_form(visit, form, 422)
    except Rejected as rejection:
        return await _show_form(visit, _wrong(visit, form, rejection), 422)
    receipt = msgspec.json.decode(reply, type=MoneyTransferReceipt)
    return visit.go(f"/sent/{receipt.id}")


@get("/sent/{transfer_id:uuid}", opt={"kinds": ("person",)})
async def show_receipt(visit: TheVisit, transfer_id: FromPath[UUID]) -> Response[bytes]:
    """Show a transfer to its payer or payee."""
    found = await visit.services.database.as_party(
        visit.party, lambda conn: find_money_transfer(conn, transfer_id)
    )
    if found is None:
        raise NotFoundException
    return visit.page("sent.html", transfer=found, is_payer=found.payer == visit.party)


def _read(form: Form) -> _Wanted:
    """Understand what was typed.

    Rejections: those of ``parse_amount`` and ``check_amount``; ``currency_unknown``, ``payee_not_found``.
    """
    currency = form.text("currency").upper()
    amount_minor = parse_amount(form.text("amount"), currency_exponent(currency))
    check_amount(amount_minor)
    note = form.text("note")[:_NOTE_LENGTH_MAX] or None
    return _Wanted(form.text("to"), Sending(currency, amount_minor, note))


async def _payee(visit: Visit, wanted: _Wanted) -> Payee | None:
    named = {"phone": None, "email": None, login_field(wanted.to): wanted.to}
    return await payee_known_by(
        visit.services, visit, named["phone"], named["email"], wanted.sending.currency
    )


async def _show_form(visit: Visit, form: Form, status: int) -> Response[bytes]:
    balances: list[BalanceShown] = await balances_of(visit.services, visit.party)
    return visit.page("send.html", status, form=form, balances=balances)


def _wrong(visit: Visit, form: Form, rejection: Rejected) -> Form:
    sentence, field = sentence_of(rejection, visit.say), _FIELD_OF.get(rejection.code)
    return form.wrong_as_a_whole(sentence) if field is None else form.wrong(**{field: sentence})


HANDLERS = (show_form, check_form, show_look, send, show_receipt)

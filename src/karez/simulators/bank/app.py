"""The bank's addresses: those of the protocol, which are signed; the customer's page; and those that steer it.

The steering ones (``/admin/...``) and the page need no signature: the simulator listens on its own machine only.

POST /admin/accounts            a list of ``Account``: open or change them
GET  /admin/accounts/{number}   an account with its balance
POST /admin/rules               a list of ``Rule``: how to behave
GET  /admin/instructions/{id}   how often an order came and was asked for, and how it stands
GET  /admin/bindings/{id}       the code that the holder was sent
GET  /admin/accounts/{number}/code  the code that the holder of an account was sent last
POST /admin/clock               ``{"now_ns": ...}``: the bank's time from now on
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date
from typing import Any, TypeVar
from urllib.parse import parse_qs
from uuid import UUID

import msgspec

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.statement_writing import write_statement
from karez.services.payments.banks.messages import (
    INSTRUCTION_UNKNOWN,
    BindingProof,
    BindingRequest,
    Order,
    Trouble,
)
from karez.services.payments.banks.signatures import (
    SIGNATURE,
    answer_signature,
    is_request_signed,
    return_address,
)
from karez.simulators.bank.bank import Bank, Reaction, binding_of, binding_unknown, is_challenge
from karez.simulators.bank.behaviours import Rule
from karez.simulators.bank.clock import BankClock
from karez.simulators.bank.http import (
    Message,
    Receive,
    Request,
    Response,
    Send,
    TooLarge,
    read_request,
    respond,
)
from karez.simulators.bank.notices import Notifier
from karez.simulators.bank.pages import challenge_page, ended_page, waiting_page
from karez.simulators.bank.statements import as_table, day_statement
from karez.simulators.bank.store import Account

T = TypeVar("T")
Handler = Callable[[Request, str], Response]

_STATUSES = {INSTRUCTION_UNKNOWN: 404, "binding_unknown": 404, "id_used_for_another_order": 409}
_HTML = "text/html; charset=utf-8"
_PAGE_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cache-control": "no-store",
}
"""Without ``form-action``, which would keep the browser from being sent back to the shop after the form."""


class ClockSetting(msgspec.Struct, frozen=True, kw_only=True):
    """The bank's time from now on."""

    now_ns: int


class InstructionReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the bank has seen of an order.

    Attributes:
        orders: How often it came.
        queries: How often it was asked for.
        state: How it stands.
        reason: Why it is declined.
    """

    orders: int
    queries: int
    state: str
    reason: str


class BindingReport(msgspec.Struct, frozen=True, kw_only=True):
    """What the holder of a card was sent."""

    code: str


class BankApp:
    """The application, as ASGI.

    Args:
        bank: What stands behind it.
        clock: The bank's time.
        secret: What Karez signs with.
    """

    def __init__(self, bank: Bank, clock: BankClock, secret: str) -> None:
        self._bank = bank
        self._clock = clock
        self._secret = secret
        self._notifier = Notifier(secret)
        self._signed: list[tuple[str, re.Pattern[str], Handler]] = [
            ("POST", re.compile(r"/instructions()"), self._take),
            ("GET", re.compile(r"/instructions/([^/]+)"), self._query),
            ("POST", re.compile(r"/bindings()"), self._bind),
            ("GET", re.compile(r"/bindings/([^/]+)"), self._binding),
            ("POST", re.compile(r"/bindings/([^/]+)/confirm"), self._prove),
            ("GET", re.compile(r"/statements/([^/]+)"), self._statement),
        ]
        self._open: list[tuple[str, re.Pattern[str], Handler]] = [
            ("GET", re.compile(r"/pay/([^/]+)"), self._show_challenge),
            ("POST", re.compile(r"/pay/([^/]+)"), self._confirm),
            ("POST", re.compile(r"/admin/accounts()"), self._put_accounts),
            ("GET", re.compile(r"/admin/accounts/([^/]+)"), self._show_account),
            ("GET", re.compile(r"/admin/accounts/([^/]+)/code"), self._report_last_code),
            ("POST", re.compile(r"/admin/rules()"), self._put_rules),
            ("GET", re.compile(r"/admin/instructions/([^/]+)"), self._report_instruction),
            ("GET", re.compile(r"/admin/bindings/([^/]+)"), self._report_binding),
            ("POST", re.compile(r"/admin/clock()"), self._set_clock),
        ]

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        try:
            request = await read_request(scope, receive)
        except TooLarge:
            response = _trouble(413, "body_too_large", "The body is larger than any that belongs here.")
        else:
            response = self._answer(request)
        await respond(response, scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        await self._notifier.close()
        await send({"type": "lifespan.shutdown.complete"})

    def _answer(self, request: Request) -> Response:
        for routes, is_signed in ((self._signed, True), (self._open, False)):
            for method, pattern, handler in routes:
                match = pattern.fullmatch(request.path)
                if match is not None and method == request.method:
                    return (
                        self._signed_answer(request, handler, match[1])
                        if is_signed
                        else _safely(handler, request, match[1])
                    )
        return _trouble(404, "address_unknown", "There is nothing at this address.")

    def _signed_answer(self, request: Request, handler: Handler, name: str) -> Response:
        is_ours = is_request_signed(
            self._secret, request.method, request.target, request.body, request.headers
        )
        if not is_ours:
            return _trouble(
                401, "signature_wrong", "The signature does not fit; use the secret of this bank."
            )
        response = _safely(handler, request, name)
        signature = answer_signature(self._secret, request.headers[SIGNATURE], response.status, response.body)
        return replace(response, headers={**response.headers, SIGNATURE: signature})

    def _take(self, request: Request, _: str) -> Response:
        order = _decode(request.body, Order)
        return self._reacted(self._bank.take(order), order.notify_url)

    def _query(self, _: Request, name: str) -> Response:
        id_ = _id(name)
        reaction = self._bank.query(id_)
        kept = self._bank.store.instruction(id_)
        return self._reacted(reaction, None if kept is None else kept.order.notify_url)

    def _reacted(self, reaction: Reaction, notify_url: str | None) -> Response:
        self._notify(reaction, notify_url)
        body = b"" if reaction.standing is None else msgspec.json.encode(reaction.standing)
        return Response(200, body, fault=reaction.fault, delay_ms=reaction.delay_ms)

    def _notify(self, reaction: Reaction, notify_url: str | None) -> None:
        if reaction.standing is not None and notify_url is not None:
            self._notifier.tell(notify_url, reaction.standing, reaction.notices)

    def _bind(self, request: Request, _: str) -> Response:
        return _json(self._bank.bind(_decode(request.body, BindingRequest)))

    def _binding(self, _: Request, name: str) -> Response:
        kept = self._bank.store.binding(_id(name))
        if kept is None:
            raise binding_unknown(_id(name))
        return _json(binding_of(kept))

    def _prove(self, request: Request, name: str) -> Response:
        return _json(self._bank.prove(_id(name), _decode(request.body, BindingProof).code))

    def _statement(self, request: Request, name: str) -> Response:
        asked = parse_qs(request.query)
        currency = asked.get("currency", [""])[0]
        try:
            statement = day_statement(self._bank.store, date.fromisoformat(name), currency)
        except ValueError:
            raise Rejected("day_malformed", f"{name[:20]!r} is no day; write it like 2026-03-01.") from None
        if asked.get("format") == ["csv"]:
            return Response(200, as_table(statement), "text/csv; charset=utf-8")
        file = write_statement(statement, statement.identification, self._clock.now_ns())
        return Response(200, file, "application/xml")

    def _show_challenge(self, _: Request, name: str) -> Response:
        kept = self._bank.store.instruction(_id(name))
        if kept is None:
            return _page(waiting_page())
        if kept.state != "processing" or not is_challenge(kept):
            return _page(ended_page(kept.state))
        return _page(challenge_page(kept.order))

    def _confirm(self, request: Request, name: str) -> Response:
        form = parse_qs(request.body.decode("utf-8", "replace"))
        confirms = form.get("decision") == ["confirm"]
        card = form.get("card", [""])[0].replace(" ", "") if confirms else None
        reaction = self._bank.confirm(_id(name), card)
        kept = self._bank.store.instruction(_id(name))
        standing = reaction.standing
        if kept is None or standing is None:
            raise Rejected(INSTRUCTION_UNKNOWN, "There is no such payment.")
        self._notify(reaction, kept.order.notify_url)
        if kept.order.return_url is None:
            return _page(ended_page(standing.state))
        address = return_address(self._secret, kept.order.return_url, standing.id, standing.state)
        return Response(303, headers={"location": address})

    def _put_accounts(self, request: Request, _: str) -> Response:
        for account in _decode(request.body, list[Account]):
            self._bank.store.put_account(account)
        return Response(204)

    def _show_account(self, _: Request, name: str) -> Response:
        account = self._bank.store.account(name)
        if account is None:
            return _trouble(404, "account_unknown", "There is no such account.")
        return _json(account)

    def _put_rules(self, request: Request, _: str) -> Response:
        for rule in _decode(request.body, list[Rule]):
            self._bank.store.put_rule(rule)
        return Response(204)

    def _report_instruction(self, _: Request, name: str) -> Response:
        kept = self._bank.store.instruction(_id(name))
        if kept is None:
            return _trouble(404, INSTRUCTION_UNKNOWN, "It has not come.")
        return _json(
            InstructionReport(orders=kept.orders, queries=kept.queries, state=kept.state, reason=kept.reason)
        )

    def _report_binding(self, _: Request, name: str) -> Response:
        kept = self._bank.store.binding(_id(name))
        if kept is None:
            raise binding_unknown(_id(name))
        return _json(BindingReport(code=kept.code))

    def _report_last_code(self, _: Request, name: str) -> Response:
        code = self._bank.store.last_code(name)
        if code is None:
            return _trouble(404, "binding_unknown", "The holder of this account was sent no code.")
        return _json(BindingReport(code=code))

    def _set_clock(self, request: Request, _: str) -> Response:
        self._clock.set(_decode(request.body, ClockSetting).now_ns)
        return Response(204)


def _safely(handler: Handler, request: Request, name: str) -> Response:
    try:
        return handler(request, name)
    except Rejected as rejection:
        return _trouble(_STATUSES.get(rejection.code, 400), rejection.code, rejection.sentence)


def _decode(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.DecodeError as error:
        raise Rejected("body_malformed", f"This cannot be read: {error}.") from None


def _id(name: str) -> UUID:
    try:
        return UUID(name)
    except ValueError:
        raise Rejected("id_malformed", f"{name[:40]!r} is not a UUID.") from None


def _json(value: Any) -> Response:
    return Response(200, msgspec.json.encode(value))


def _page(text: str) -> Response:
    return Response(200, text.encode(), _HTML, _PAGE_HEADERS)


def _trouble(status: int, code: str, sentence: str) -> Response:
    return Response(status, msgspec.json.encode(Trouble(code=code, sentence=sentence)))

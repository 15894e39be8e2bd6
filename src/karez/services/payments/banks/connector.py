"""Calls a bank and understands its answer: bounded in time and size, signed both ways, to the bank's address alone.

Whatever a bank or the network does is an answer here, never an error of the worker's. Only a signed answer of the
protocol counts as the bank's word; everything else is no answer, after which the bank is asked again.
"""

import asyncio
import re
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Literal, TypeVar
from uuid import UUID

import httpx
import msgspec

from karez.core.outcomes import Unavailable
from karez.core.sealing import Sealer
from karez.services.payments.banks.links import place_of
from karez.services.payments.banks.messages import (
    DUPLICATE,
    INSTRUCTION_UNKNOWN,
    Binding,
    BindingProof,
    BindingRequest,
    Kind,
    Order,
    Standing,
    Trouble,
)
from karez.services.payments.banks.records import Direction, Instruction, Link
from karez.services.payments.banks.signatures import SIGNATURE, is_answer_signed, signed_request
from karez.services.payments.banks.states import Happening

CALL_LIMIT_S = 15.0

_ANSWER_SIZE_MAX_BYTES = 64 * 1_024
_STATEMENT_SIZE_MAX_BYTES = 64 * 1_024 * 1_024
_CODE_LENGTH_MAX = 60
_LONG_NUMBER = re.compile(r"(?:[0-9][ -]?){8,}")
_CONNECTIONS_KEPT = 64

T = TypeVar("T")

_KINDS: dict[Direction, Kind] = {"collect": "debit", "pay_out": "credit"}
_HAPPENINGS = {
    "processing": Happening.PROCESSING,
    "succeeded": Happening.SUCCESS,
    "declined": Happening.DECLINE,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What a call has told.

    Attributes:
        happening: What it means to the instruction.
        code: The bank's reason, or why there was no answer.
        is_alarming: Whether people should look at it at once: asking again will not help.
    """

    happening: Happening
    code: str
    is_alarming: bool = False


class _NoAnswer(Exception):
    """There was no word of the bank."""

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence


class BankConnector:
    """Calls banks; used by one event loop.

    Args:
        sealer: Opens the banks' secrets.
        limit_s: How long a call may take, from connecting to the answer's end.
    """

    def __init__(self, sealer: Sealer, limit_s: float = CALL_LIMIT_S) -> None:
        self._sealer = sealer
        self._limit_s = limit_s
        # Not the environment's proxies, and no redirects: what is signed goes where the operator said.
        self._client = httpx.AsyncClient(
            timeout=limit_s,
            trust_env=False,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=_CONNECTIONS_KEPT),
        )

    async def __aenter__(self) -> "BankConnector":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._client.aclose()

    async def send(self, link: Link, instruction: Instruction) -> Answer:
        """Send the bank an order; the same instruction again is the same order."""
        order = Order(
            id=instruction.id,
            kind=_KINDS[instruction.direction],
            amount_minor=instruction.amount_minor,
            currency=instruction.currency,
            reference=instruction.reference,
            text=instruction.remark,
            return_url=instruction.return_url,
            notify_url=link.notify_url,
        )
        return await self._standing(link, instruction, "POST", "/instructions", msgspec.json.encode(order))

    async def ask(self, link: Link, instruction: Instruction) -> Answer:
        """Ask the bank how an order stands."""
        return await self._standing(link, instruction, "GET", f"/instructions/{instruction.id}", b"")

    async def begin_binding(self, link: Link, request: BindingRequest) -> Binding:
        """Have the bank send the holder of a card or account a code.

        Raises:
            Unavailable: ``bank_unavailable``; the same request may be repeated.
        """
        return await self._told(link, "POST", "/bindings", msgspec.json.encode(request), Binding)

    async def prove_binding(self, link: Link, binding: UUID, code: str) -> Binding:
        """Send the bank the code that the holder has read.

        Raises:
            Unavailable: ``bank_unavailable``; the same request may be repeated.
        """
        body = msgspec.json.encode(BindingProof(code=code))
        return await self._told(link, "POST", f"/bindings/{binding}/confirm", body, Binding)

    async def statement(self, link: Link, day: date, currency: str, form: Literal["camt053", "csv"]) -> bytes:
        """Return the bank's file of a day's movements.

        Raises:
            Unavailable: ``bank_unavailable``.
        """
        target = f"/statements/{day}?currency={currency}&format={form}"
        try:
            status, body = await self._call(link, "GET", target, b"", _STATEMENT_SIZE_MAX_BYTES)
        except _NoAnswer as trouble:
            raise _unavailable(link, trouble) from trouble
        if status != httpx.codes.OK:
            raise _unavailable(link, _NoAnswer(f"http_{status}", "it has no such statement"))
        return body

    async def _standing(
        self, link: Link, instruction: Instruction, method: str, path: str, body: bytes
    ) -> Answer:
        try:
            status, answer = await self._call(link, method, path, body, _ANSWER_SIZE_MAX_BYTES)
            return _understood(instruction, method, status, answer)
        except _NoAnswer as trouble:
            return Answer(Happening.NO_ANSWER, trouble.code)

    async def _told(self, link: Link, method: str, path: str, body: bytes, type_: type[T]) -> T:
        try:
            status, answer = await self._call(link, method, path, body, _ANSWER_SIZE_MAX_BYTES)
            if status != httpx.codes.OK:
                raise _NoAnswer(f"http_{status}", _decoded(answer, Trouble).sentence)
            return _decoded(answer, type_)
        except _NoAnswer as trouble:
            raise _unavailable(link, trouble) from trouble

    async def _call(
        self, link: Link, method: str, path: str, body: bytes, size_max_bytes: int
    ) -> tuple[int, bytes]:
        """Return status and body of the bank's own answer, or raise ``_NoAnswer``."""
        secret = self._sealer.open(link.sealed, place_of(link.institution))
        url = httpx.URL(link.base_url + path)
        signed = signed_request(secret, method, url.raw_path.decode("ascii"), body)
        try:
            async with asyncio.timeout(self._limit_s):
                status, answer, signature = await self._exchange(method, url, signed, body, size_max_bytes)
        except TimeoutError:
            raise _NoAnswer("timed_out", f"there was no whole answer within {self._limit_s:g} s") from None
        except httpx.HTTPError as error:
            raise _NoAnswer(*_explained(error)) from error
        if not is_answer_signed(secret, signed[SIGNATURE], status, answer, signature):
            raise _NoAnswer(f"http_{status}_unsigned", f"an answer {status} was not signed by the bank")
        return status, answer

    async def _exchange(
        self, method: str, url: httpx.URL, signed: dict[str, str], body: bytes, size_max_bytes: int
    ) -> tuple[int, bytes, str]:
        headers = {**signed, "content-type": "application/json", "accept-encoding": "identity"}
        async with self._client.stream(method, url, content=body, headers=headers) as response:
            read = b""
            async for part in response.aiter_bytes():
                read += part
                if len(read) > size_max_bytes:
                    raise _NoAnswer("answer_too_large", f"the answer is larger than {size_max_bytes} bytes")
            return response.status_code, read, response.headers.get(SIGNATURE, "")


def _understood(instruction: Instruction, method: str, status: int, body: bytes) -> Answer:
    if status == httpx.codes.OK:
        return _meaning(instruction, _decoded(body, Standing))
    code = _kept(_decoded(body, Trouble).code)
    if method == "GET" and code == INSTRUCTION_UNKNOWN:
        return Answer(Happening.NEVER_SEEN, code)
    # Refused for its form, such as an id that was used for another order: repeating it will not help.
    return Answer(Happening.NO_ANSWER, code, is_alarming=True)


def _meaning(instruction: Instruction, told: Standing) -> Answer:
    given = (told.id, told.kind, told.amount_minor, told.currency)
    asked = (
        instruction.id,
        _KINDS[instruction.direction],
        instruction.amount_minor,
        instruction.currency,
    )
    if given != asked:
        return Answer(Happening.NO_ANSWER, "answer_differs", is_alarming=True)
    if told.state == "declined" and told.reason == DUPLICATE:
        return Answer(Happening.NO_ANSWER, DUPLICATE)
    return Answer(_HAPPENINGS[told.state], _kept(told.reason))


def _kept(code: str) -> str:
    """Return a bank's word as it is kept and shown: some banks write the number of a card or account into it."""
    return _LONG_NUMBER.sub("*", code)[:_CODE_LENGTH_MAX]


def _decoded(body: bytes, type_: type[T]) -> T:
    try:
        return msgspec.json.decode(body, type=type_)
    except msgspec.DecodeError as error:
        raise _NoAnswer("answer_malformed", f"the answer cannot be read ({error})") from None


def _explained(error: httpx.HTTPError) -> tuple[str, str]:
    if isinstance(error, httpx.TimeoutException):
        return "timed_out", "it did not answer in time"
    if isinstance(error, httpx.ConnectError):
        return "not_connected", "it cannot be reached"
    return "connection_broken", f"the connection gave no whole answer ({type(error).__name__})"


def _unavailable(link: Link, trouble: _NoAnswer) -> Unavailable:
    return Unavailable(
        "bank_unavailable",
        f"The bank {link.institution} gave no answer that can be used: {trouble.sentence}; try again shortly.",
        retry_after_s=5,
    )

"""What counts as a bank's word, and what is no answer."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Any, TypeVar
from uuid import UUID, uuid4

import msgspec
import pytest

from karez.core.outcomes import Unavailable
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.banks.connector import Answer, BankConnector
from karez.services.payments.banks.links import place_of, sealer
from karez.services.payments.banks.messages import BindingRequest, Order, Standing, Trouble
from karez.services.payments.banks.records import Instruction, Link
from karez.services.payments.banks.states import Happening
from tests.conftest import SECRET_KEY
from tests.services.payments.banks.answering import answering_bank
from tests.simulators.bank_process import SECRET, BankProcess

T = TypeVar("T")

ID = UUID("01a3185c-5000-8fca-b7ac-8e0e000aaec4")
STANDING = Standing(id=ID, kind="debit", amount_minor=1_000, currency="CNY", state="succeeded")


def instruction(**fields: Any) -> Instruction:
    given: dict[str, Any] = {
        "id": ID,
        "bank": 7,
        "party": ID,
        "direction": "collect",
        "purpose": "top_up",
        "subject": ID,
        "currency": "CNY",
        "amount_minor": 1_000,
        "account": ID,
        "reservation": None,
        "reference": "A1",
        "remark": "Tea",
        "return_url": None,
        "state": "sent",
        "answer_code": "",
        "attempts": 1,
        "due_ns": 0,
        "flagged_ns": None,
        "created_ns": 0,
        "ended_ns": None,
    }
    return Instruction(**given | fields)


def link(url: str) -> Link:
    return Link(7, url, "https://karez.example/notices", sealer(SECRET_KEY).seal(SECRET, place_of(7)))


def call(act: Callable[[BankConnector], Awaitable[T]], limit_s: float = 10.0) -> T:
    async def run() -> T:
        async with BankConnector(sealer(SECRET_KEY), limit_s) as connector:
            return await act(connector)

    return asyncio.run(run())


def sent(url: str, limit_s: float = 10.0) -> Answer:
    return call(lambda connector: connector.send(link(url), instruction()), limit_s)


def asked(url: str) -> Answer:
    return call(lambda connector: connector.ask(link(url), instruction()))


def always(status: int, answer: object) -> Callable[[str, str, bytes], tuple[int, bytes]]:
    body = answer if isinstance(answer, bytes) else msgspec.json.encode(answer)
    return lambda *_: (status, body)


def test_the_order_says_what_the_instruction_says() -> None:
    heard: list[tuple[str, str, bytes]] = []

    def respond(method: str, target: str, body: bytes) -> tuple[int, bytes]:
        heard.append((method, target, body))
        return 200, msgspec.json.encode(STANDING)

    with answering_bank(respond) as url:
        assert sent(f"{url}/karez/v1") == Answer(Happening.SUCCESS, "")
        assert asked(f"{url}/karez/v1") == Answer(Happening.SUCCESS, "")
    order = Order(
        id=ID,
        kind="debit",
        amount_minor=1_000,
        currency="CNY",
        reference="A1",
        text="Tea",
        notify_url="https://karez.example/notices",
    )
    assert heard == [
        ("POST", "/karez/v1/instructions", msgspec.json.encode(order)),
        ("GET", f"/karez/v1/instructions/{ID}", b""),
    ]


@pytest.mark.parametrize(
    ("state", "reason", "meaning"),
    [
        ("succeeded", "", Answer(Happening.SUCCESS, "")),
        ("processing", "", Answer(Happening.PROCESSING, "")),
        ("declined", "card_blocked", Answer(Happening.DECLINE, "card_blocked")),
        ("declined", "duplicate", Answer(Happening.NO_ANSWER, "duplicate")),
    ],
)
def test_a_signed_standing_is_the_bank_s_word(state: Any, reason: str, meaning: Answer) -> None:
    told = msgspec.structs.replace(STANDING, state=state, reason=reason)
    with answering_bank(always(200, told)) as url:
        assert (sent(url), asked(url)) == (meaning, meaning)


@pytest.mark.parametrize(
    "change",
    [{"amount_minor": 999}, {"currency": "USD"}, {"kind": "credit"}, {"id": uuid4()}],
)
def test_the_standing_of_another_order_alarms_and_decides_nothing(change: dict[str, Any]) -> None:
    with answering_bank(always(200, msgspec.structs.replace(STANDING, **change))) as url:
        assert sent(url) == Answer(Happening.NO_ANSWER, "answer_differs", is_alarming=True)


def test_only_a_signed_denial_means_that_the_bank_never_saw_it() -> None:
    denial = Trouble(code="instruction_unknown", sentence="Never seen.")
    with answering_bank(always(404, denial)) as url:
        assert asked(url) == Answer(Happening.NEVER_SEEN, "instruction_unknown")
        assert sent(url).happening is Happening.NO_ANSWER
    with answering_bank(always(404, denial), secret=None) as url:
        assert asked(url) == Answer(Happening.NO_ANSWER, "http_404_unsigned")
    with answering_bank(always(404, Trouble(code="not_found", sentence="Nothing here."))) as url:
        assert asked(url).happening is Happening.NO_ANSWER


@pytest.mark.parametrize("secret", [None, "a secret of somebody else"])
def test_whoever_does_not_sign_says_nothing(secret: str | None) -> None:
    for status, answer in ((200, STANDING), (503, b"<html>"), (302, b"")):
        with answering_bank(always(status, answer), secret=secret) as url:
            assert sent(url) == Answer(Happening.NO_ANSWER, f"http_{status}_unsigned")


def test_no_redirect_is_followed() -> None:
    with (
        answering_bank(always(200, STANDING)) as elsewhere,
        answering_bank(always(307, b"{}"), headers={"location": f"{elsewhere}/instructions"}) as url,
    ):
        assert sent(url).happening is Happening.NO_ANSWER


@pytest.mark.parametrize("body", [b"", b"[]", b'{"id": 7}', b"\xff"])
def test_what_cannot_be_read_is_no_answer(body: bytes) -> None:
    with answering_bank(always(200, body)) as url:
        assert sent(url) == Answer(Happening.NO_ANSWER, "answer_malformed")


def test_an_answer_without_end_is_cut() -> None:
    with answering_bank(always(200, b" " * 70_000)) as url:
        assert sent(url) == Answer(Happening.NO_ANSWER, "answer_too_large")


def test_nobody_there_and_nobody_speaking_are_no_answers() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert sent(url, limit_s=0.1) == Answer(Happening.NO_ANSWER, "timed_out")
    assert sent(url) == Answer(Happening.NO_ANSWER, "not_connected")


def test_a_refused_form_alarms() -> None:
    refusal = Trouble(code="id_used_for_another_order", sentence="Used.")
    with answering_bank(always(409, refusal)) as url:
        assert sent(url) == Answer(Happening.NO_ANSWER, "id_used_for_another_order", is_alarming=True)


def test_a_card_is_bound_and_the_statement_is_fetched(bank: BankProcess) -> None:
    card = f"99{uuid4().int % 10**14:014}"
    account = bank.customer(card=card)
    request = BindingRequest(id=uuid4(), number=card, holder="Ana", phone="+86")
    begun = call(lambda connector: connector.begin_binding(link(bank.url), request))
    code = bank.client.get(f"/admin/bindings/{begun.id}").json()["code"]
    bound = call(lambda connector: connector.prove_binding(link(bank.url), begun.id, code))
    assert (bound.state, bound.ending) == ("bound", card[-4:])
    given = instruction(id=uuid4(), reference=bound.token, amount_minor=77)
    assert call(lambda connector: connector.send(link(bank.url), given)) == Answer(Happening.SUCCESS, "")
    assert bank.balance(account) == 1_000_000 - 77
    bank.steer("/admin/clock", {"now_ns": 1_772_409_600_000_000_000})
    day = date(2026, 3, 2)
    later = instruction(id=uuid4(), reference=bound.token, amount_minor=78)
    call(lambda connector: connector.send(link(bank.url), later))
    file = call(lambda connector: connector.statement(link(bank.url), day, "CNY", "camt053"))
    (statement,) = read_bank_file(file)
    assert (later.id.hex,) in [entry.references for entry in statement.entries]


def test_a_bank_that_is_away_is_unavailable_for_people() -> None:
    url = "http://127.0.0.1:9"
    request = BindingRequest(id=uuid4(), number="1", holder="Ana", phone="")
    acts: list[Callable[[BankConnector], Awaitable[object]]] = [
        lambda connector: connector.begin_binding(link(url), request),
        lambda connector: connector.prove_binding(link(url), request.id, "1"),
        lambda connector: connector.statement(link(url), date(2026, 3, 2), "CNY", "csv"),
    ]
    for act in acts:
        with pytest.raises(Unavailable) as trouble:
            call(act)
        assert trouble.value.code == "bank_unavailable"

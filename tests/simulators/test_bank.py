"""The simulator bank keeps its word, remembers, and misbehaves as it is told."""

import threading
from datetime import date
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx
import msgspec
import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.reading import read_bank_file
from karez.services.payments.banks.messages import (
    INSTRUCTION_UNKNOWN,
    Binding,
    BindingProof,
    BindingRequest,
    Order,
    Standing,
    reference_of_payment,
)
from karez.services.payments.banks.signatures import (
    SIGNATURE,
    is_answer_signed,
    is_request_signed,
    is_return_signed,
    signed_request,
)
from karez.simulators.bank.behaviours import Behaviour, Mix, read_mix
from karez.simulators.bank.customers import customers
from tests.simulators.bank_process import BALANCE_MINOR, SECRET, BankProcess, order

PATIENCE_S = 0.3


def send(bank: BankProcess, given: Order) -> Standing:
    answer = bank.post("/instructions", msgspec.json.encode(given))
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Standing)


def ask(bank: BankProcess, id_: UUID) -> Standing:
    answer = bank.get(f"/instructions/{id_}")
    assert answer.status_code == 200, answer.text
    return msgspec.json.decode(answer.content, type=Standing)


def denies(bank: BankProcess, id_: UUID) -> bool:
    answer = bank.get(f"/instructions/{id_}")
    return answer.status_code == 404 and answer.json()["code"] == INSTRUCTION_UNKNOWN


def test_an_order_is_carried_out_once_however_often_it_comes(bank: BankProcess) -> None:
    account = bank.customer()
    given = order(account, 700)
    assert [send(bank, given).state for _ in range(3)] == ["succeeded"] * 3
    assert ask(bank, given.id).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 700


def test_a_credit_gives_to_the_customer(bank: BankProcess) -> None:
    account = bank.customer()
    assert send(bank, order(account, 700, kind="credit")).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR + 700


def test_another_order_under_a_used_id_is_refused(bank: BankProcess) -> None:
    given = order(bank.customer())
    send(bank, given)
    answer = bank.post("/instructions", msgspec.json.encode(msgspec.structs.replace(given, amount_minor=1)))
    assert (answer.status_code, answer.json()["code"]) == (409, "id_used_for_another_order")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"balance_minor": 999}, "insufficient_funds"),
        ({"payment_max_minor": 999}, "limit_exceeded"),
        ({"blocked": True}, "card_blocked"),
        ({"currency": "USD"}, "currency_differs"),
    ],
)
def test_what_the_account_does_not_allow_is_declined(
    bank: BankProcess, fields: dict[str, object], reason: str
) -> None:
    account = bank.customer(**fields)
    before = bank.balance(account)
    told = send(bank, order(account))
    assert (told.state, told.reason, bank.balance(account)) == ("declined", reason, before)


def test_nobody_s_account_is_declined(bank: BankProcess) -> None:
    assert send(bank, order("nobody")).reason == "account_unknown"


def test_the_bank_can_be_told_to_decline(bank: BankProcess) -> None:
    account = bank.customer()
    bank.behave(account, "decline", reason="suspected_fraud")
    assert [send(bank, order(account)).reason for _ in range(2)] == ["suspected_fraud", ""]


@pytest.mark.parametrize(
    ("behaviour", "acted"),
    [
        ("time_out_before", False),
        ("time_out_after", True),
        ("reset_before", False),
        ("reset_after", True),
    ],
)
def test_an_order_without_an_answer_was_carried_out_or_never_seen(
    bank: BankProcess, behaviour: str, acted: bool
) -> None:
    account = bank.customer()
    bank.behave(account, behaviour)
    given = order(account)
    error = httpx.TimeoutException if "time_out" in behaviour else httpx.RemoteProtocolError
    with pytest.raises((error, httpx.ReadError)):
        bank.post("/instructions", msgspec.json.encode(given), timeout_s=PATIENCE_S)
    assert denies(bank, given.id) is not acted
    assert bank.balance(account) == BALANCE_MINOR - (1_000 if acted else 0)
    assert send(bank, given).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 1_000


@pytest.mark.parametrize(("behaviour", "acted"), [("error_before", False), ("error_after", True)])
def test_a_proxy_s_error_page_says_nothing(bank: BankProcess, behaviour: str, acted: bool) -> None:
    account = bank.customer()
    bank.behave(account, behaviour)
    given = order(account)
    answer = bank.post("/instructions", msgspec.json.encode(given))
    assert answer.status_code == 503
    assert SIGNATURE not in answer.headers
    assert denies(bank, given.id) is not acted


def test_an_order_can_be_decided_later(bank: BankProcess) -> None:
    for behaviour, state in (("succeed_later", "succeeded"), ("decline_later", "declined")):
        account = bank.customer()
        bank.behave(account, behaviour, queries=3)
        given = order(account)
        assert send(bank, given).state == "processing"
        assert [ask(bank, given.id).state for _ in range(4)] == ["processing", "processing", state, state]
        assert bank.balance(account) == BALANCE_MINOR - (1_000 if state == "succeeded" else 0)


def test_a_late_answer_finds_nobody(bank: BankProcess) -> None:
    account = bank.customer()
    bank.behave(account, "answer_late", delay_ms=round(PATIENCE_S * 2_000))
    given = order(account)
    with pytest.raises(httpx.TimeoutException):
        bank.post("/instructions", msgspec.json.encode(given), timeout_s=PATIENCE_S)
    assert ask(bank, given.id).state == "succeeded"


def test_a_refusal_can_be_wrong(bank: BankProcess) -> None:
    account = bank.customer()
    bank.behave(account, "wrong_decline", reason="limit_exceeded")
    given = order(account)
    told = send(bank, given)
    assert (told.state, told.reason) == ("declined", "limit_exceeded")
    assert ask(bank, given.id).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 1_000


def test_a_duplicate_can_be_answered_wrongly(bank: BankProcess) -> None:
    account = bank.customer()
    bank.behave(account, "wrong_duplicate")
    given = order(account)
    with pytest.raises(httpx.TimeoutException):
        bank.post("/instructions", msgspec.json.encode(given), timeout_s=PATIENCE_S)
    assert denies(bank, given.id)
    assert (send(bank, given).state, send(bank, given).reason) == ("declined", "duplicate")
    assert ask(bank, given.id).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 1_000


def test_an_unsigned_or_altered_request_is_refused(bank: BankProcess) -> None:
    body = msgspec.json.encode(order(bank.customer()))
    assert bank.client.post("/instructions", content=body).status_code == 401
    headers = signed_request(SECRET, "POST", "/instructions", body)
    altered = body.replace(b'"amount_minor":1000', b'"amount_minor":9000')
    assert bank.client.post("/instructions", content=altered, headers=headers).status_code == 401


def test_an_answer_is_signed_for_its_own_request(bank: BankProcess) -> None:
    body = msgspec.json.encode(order(bank.customer()))
    headers = signed_request(SECRET, "POST", "/instructions", body)
    answer = bank.client.post("/instructions", content=body, headers=headers)
    signature = answer.headers[SIGNATURE]
    assert is_answer_signed(SECRET, headers[SIGNATURE], 200, answer.content, signature)
    assert not is_answer_signed(SECRET, "another request", 200, answer.content, signature)
    assert not is_answer_signed(SECRET, headers[SIGNATURE], 404, answer.content, signature)


def test_the_bank_remembers_over_a_kill(tmp_path: Path) -> None:
    bank = BankProcess(tmp_path / "bank.db")
    try:
        account = bank.customer()
        later = bank.customer()
        bank.behave(later, "succeed_later", queries=1)
        orders = [order(account, 100 + number) for number in range(5)]
        for given in orders:
            send(bank, given)
        waiting = order(later)
        assert send(bank, waiting).state == "processing"
        before = bank.balance(account)
        bank.restart()
        assert bank.balance(account) == before
        assert {send(bank, given).state for given in orders} == {"succeeded"}
        assert bank.balance(account) == before
        assert ask(bank, waiting.id).state == "succeeded"
    finally:
        bank.close()


def test_the_day_s_statement_is_read_as_it_was_booked(bank: BankProcess) -> None:
    account = bank.customer(currency="USD")
    bank.steer("/admin/clock", {"now_ns": 1_772_409_600_000_000_000})
    taken, given = order(account, 500, currency="USD"), order(account, 120, currency="USD", kind="credit")
    send(bank, taken)
    send(bank, given)
    day = date(2026, 3, 2)
    target = f"/statements/{day}?currency=USD&format="
    for form in ("camt053", "csv"):
        (statement,) = read_bank_file(bank.get(target + form).content)
        entries = [
            (entry.references, entry.signed_minor, entry.counterparty, entry.booking_day)
            for entry in statement.entries
        ]
        assert entries == [((taken.id.hex,), 500, account, day), ((given.id.hex,), -120, account, day)]
    (statement,) = read_bank_file(bank.get(target + "camt053").content)
    assert statement.closing is not None
    assert statement.closing.amount_minor == 380
    (other_day,) = read_bank_file(bank.get("/statements/2026-03-03?currency=USD&format=camt053").content)
    assert other_day.opening is not None
    assert (other_day.entries, other_day.opening.amount_minor) == ((), 380)


class Listening:
    """A receiver of notices."""

    def __init__(self) -> None:
        heard = self.heard = Queue[tuple[str, dict[str, str], bytes]]()

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                heard.put((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(200)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/notices"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def test_answering_twice_is_three_signed_notices_more(bank: BankProcess) -> None:
    account = bank.customer()
    bank.behave(account, "answer_twice")
    listening = Listening()
    try:
        given = order(account, notify_url=listening.url)
        told = send(bank, given)
        for _ in range(3):
            path, headers, body = listening.heard.get(timeout=10)
            assert is_request_signed(SECRET, "POST", path, body, headers)
            assert msgspec.json.decode(body, type=Standing) == told
    finally:
        listening.close()
    assert bank.balance(account) == BALANCE_MINOR - 1_000


def challenge(bank: BankProcess, **fields: Any) -> Order:
    given = order("", return_url="https://karez.example/back?shop=1", **fields)
    assert send(bank, given).state == "processing"
    return given


def test_a_customer_confirms_on_the_bank_s_page_and_comes_back_with_a_signed_result(
    bank: BankProcess,
) -> None:
    card = f"99{uuid4().int % 10**14:014}"
    account = bank.customer(card=card)
    listening = Listening()
    try:
        given = challenge(bank, notify_url=listening.url, text="<Tea>")
        page = bank.client.get(f"/pay/{given.id}")
        assert "10.00 CNY" in page.text
        assert "&lt;Tea&gt;" in page.text
        spaced = f"{card[:4]} {card[4:]}"
        back = bank.client.post(f"/pay/{given.id}", data={"card": spaced, "decision": "confirm"})
        assert back.status_code == 303
        brought = parse_qs(urlsplit(back.headers["location"]).query)
        assert brought["shop"] == ["1"]
        result = [brought[name][0] for name in ("instruction", "state", "signature")]
        assert result[:2] == [str(given.id), "succeeded"]
        assert is_return_signed(SECRET, *result)
        assert not is_return_signed(SECRET, result[0], "declined", result[2])
        assert msgspec.json.decode(listening.heard.get(timeout=10)[2], type=Standing).state == "succeeded"
    finally:
        listening.close()
    again = bank.client.post(f"/pay/{given.id}", data={"card": card, "decision": "confirm"})
    assert again.status_code == 303
    assert bank.balance(account) == BALANCE_MINOR - 1_000
    assert "succeeded" in bank.client.get(f"/pay/{given.id}").text


def test_a_customer_can_decline_or_name_a_wrong_card(bank: BankProcess) -> None:
    declined, wrong = challenge(bank), challenge(bank)
    bank.client.post(f"/pay/{declined.id}", data={"card": "", "decision": "decline"})
    bank.client.post(f"/pay/{wrong.id}", data={"card": "1", "decision": "confirm"})
    reasons = [ask(bank, each.id).reason for each in (declined, wrong)]
    assert reasons == ["customer_declined", "account_unknown"]


def test_the_page_of_an_order_that_has_not_come_looks_again_by_itself(bank: BankProcess) -> None:
    assert 'http-equiv="refresh"' in bank.client.get(f"/pay/{uuid4()}").text


def test_no_page_runs_anything_or_looks_like_a_real_bank(bank: BankProcess) -> None:
    page = bank.client.get(f"/pay/{uuid4()}")
    assert "simulator" in page.text
    assert page.headers["content-security-policy"].startswith("default-src 'none'")
    assert page.headers["x-content-type-options"] == "nosniff"


def bind(bank: BankProcess, number: str, holder: str = "Ana") -> Binding:
    request = BindingRequest(id=uuid4(), number=number, holder=holder, phone="+8613900000001")
    answer = bank.post("/bindings", msgspec.json.encode(request))
    return msgspec.json.decode(answer.content, type=Binding)


def prove(bank: BankProcess, binding: UUID, code: str) -> Binding:
    answer = bank.post(f"/bindings/{binding}/confirm", msgspec.json.encode(BindingProof(code=code)))
    return msgspec.json.decode(answer.content, type=Binding)


def test_a_card_is_bound_with_the_code_that_its_holder_was_sent(bank: BankProcess) -> None:
    card = f"99{uuid4().int % 10**14:014}"
    account = bank.customer(card=card)
    begun = bind(bank, card)
    assert (begun.state, begun.ending, begun.token) == ("challenged", card[-4:], "")
    code = bank.client.get(f"/admin/bindings/{begun.id}").json()["code"]
    assert bank.client.get(f"/admin/accounts/{account}/code").json()["code"] == code
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert prove(bank, begun.id, wrong).state == "challenged"
    bound = prove(bank, begun.id, code)
    assert bound.state == "bound"
    assert send(bank, order(bound.token)).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 1_000


def test_nobody_was_sent_a_code_yet(bank: BankProcess) -> None:
    assert bank.client.get(f"/admin/accounts/{bank.customer()}/code").status_code == 404


def test_money_goes_back_to_the_account_that_paid_at_the_page(bank: BankProcess) -> None:
    account, paid = bank.customer(), challenge(bank)
    bank.client.post(f"/pay/{paid.id}", data={"card": account, "decision": "confirm"})
    back = order(reference_of_payment(paid.id), 400, kind="credit")
    assert send(bank, back).state == "succeeded"
    assert bank.balance(account) == BALANCE_MINOR - 600
    unknown = order(reference_of_payment(uuid4()), 400, kind="credit")
    assert send(bank, unknown).reason == "account_unknown"


def test_three_wrong_codes_end_a_binding(bank: BankProcess) -> None:
    begun = bind(bank, bank.customer())
    code = bank.client.get(f"/admin/bindings/{begun.id}").json()["code"]
    wrong = f"{(int(code) + 1) % 1_000_000:06}"
    assert [prove(bank, begun.id, wrong).state for _ in range(3)] == ["challenged", "challenged", "refused"]
    assert prove(bank, begun.id, code).state == "refused"


def test_another_s_card_is_not_bound(bank: BankProcess) -> None:
    assert bind(bank, bank.customer(holder="Bo")).state == "refused"


def test_the_same_seed_behaves_in_the_same_way() -> None:
    mix = read_mix(7, "time_out_after=0.25,decline=0.25")
    ids = [UUID(int=number) for number in range(1_000)]
    drawn = [mix.drawn(id_) for id_ in ids]
    assert drawn == [mix.drawn(id_) for id_ in ids]
    assert drawn != [Mix(8, mix.shares).drawn(id_) for id_ in ids]
    assert 150 < drawn.count(Behaviour.DECLINE) < 350
    assert 400 < drawn.count(Behaviour.NORMAL) < 600


@pytest.mark.parametrize("text", ["sleep=0.1", "decline", "decline=0.7,time_out_after=0.7", "decline=-0.1"])
def test_a_mix_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(Rejected) as refused:
        read_mix(0, text)
    assert refused.value.code == "mix_malformed"


def test_customers_have_cards_with_right_check_digits() -> None:
    for account in customers(50, "CNY"):
        assert account.card is not None
        digits = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(account.card))]
        assert sum(value // 10 + value % 10 for value in digits) % 10 == 0
    assert len({account.number for account in customers(50, "CNY")}) == 50

"""A bank that repeats a card number, where it should not, makes nobody else hear it."""

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import msgspec
import pytest

from karez.services.payments.banks.messages import Binding, BindingRequest, Trouble
from karez.services.payments.banks.signatures import SIGNATURE, answer_signature
from karez.storage.database import connect
from tests.channels.api.carded import EXPIRY, HOLDER, PATIENCE_S, PHONE, card_number
from tests.channels.api.living import LiveApi
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id
from tests.channels.api.town import Town, done
from tests.journeys.leaks import found_in_tables, found_in_text
from tests.simulators.bank_process import SECRET

Say = Callable[[BindingRequest | None], tuple[int, msgspec.Struct]]


class CarelessBank:
    """A bank that answers as a test tells it, and signs that.

    Attributes:
        begins: What it says to a binding.
        proves: What it says to a code.
    """

    begins: Say
    proves: Say

    def __init__(self) -> None:
        bank = self
        self.request: BindingRequest | None = None

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                if self.path == "/bindings":
                    bank.request = msgspec.json.decode(body, type=BindingRequest)
                status, told = (bank.begins if self.path == "/bindings" else bank.proves)(bank.request)
                answer = msgspec.json.encode(told)
                self.send_response(status)
                self.send_header("content-length", str(len(answer)))
                self.send_header(SIGNATURE, answer_signature(SECRET, self.headers[SIGNATURE], status, answer))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def challenged(request: BindingRequest | None) -> tuple[int, Binding]:
    assert request is not None
    return 200, Binding(id=request.id, state="challenged")


def refusing(request: BindingRequest | None) -> tuple[int, Binding]:
    assert request is not None
    return 200, Binding(id=request.id, state="refused", reason=f"card {request.number} is blocked")


def troubled(request: BindingRequest | None) -> tuple[int, Trouble]:
    assert request is not None
    return 400, Trouble(code=f"bad_{request.number}", sentence=f"The number {request.number} is none.")


def telling(request: BindingRequest | None) -> tuple[int, Binding]:
    assert request is not None
    spaced = f"{request.number[:4]}-{request.number[4:]}"
    return 200, Binding(id=request.id, state="bound", token=f"card:{spaced}", ending=request.number)


def another_s(request: BindingRequest | None) -> tuple[int, Binding]:
    assert request is not None
    return 200, Binding(id=msgspec.convert(fresh_id(), type(request.id)), state="bound", token="tok")


@pytest.fixture
def bank(town: Town) -> Iterator[CarelessBank]:
    opened = CarelessBank()
    link = {"institution": HARBOUR_BANK, "base_url": opened.url, "secret": SECRET, "currencies": ["CNY"]}
    town.decide("/v1/bank-links", link)
    yield opened
    opened.close()


def begin(town: Town, party: str, number: str) -> httpx.Response:
    body = {
        "bank": HARBOUR_BANK,
        "currency": "CNY",
        "number": number,
        "expiry": EXPIRY,
        "holder": HOLDER,
        "phone": PHONE,
    }
    return town.act(party, "/v1/cards", body, fresh_id())


def check_nowhere(world: World, api: LiveApi, number: str, *answers: httpx.Response) -> None:
    """Expect a number in no table, in no answer, and in no line of the log that tells of the answers."""
    lines = [answer.headers["x-request-id"].encode() for answer in answers]
    deadline = time.monotonic() + PATIENCE_S
    while not all(line in b"".join(api.log) for line in lines):
        assert time.monotonic() < deadline, "the log does not tell of the answers"
        time.sleep(0.02)
    with connect(world.database.owner) as conn:
        assert found_in_tables(conn, [number]) == []
    assert found_in_text(b"".join([*(answer.content for answer in answers), *api.log]), [number]) == []


def test_what_a_bank_says_of_a_number_goes_nowhere(
    world: World, api: LiveApi, town: Town, bank: CarelessBank
) -> None:
    party, number = town.person(), card_number()
    bank.begins = refusing
    refused = begin(town, party, number)
    assert_problem(refused, 422, "card_refused")
    bank.begins = troubled
    troubling = begin(town, party, number)
    assert_problem(troubling, 503, "bank_unavailable")
    check_nowhere(world, api, number, refused, troubling)


@pytest.mark.parametrize("says", [telling, another_s, troubled])
def test_a_bank_that_calls_a_card_by_its_number_binds_nothing(
    world: World, api: LiveApi, town: Town, bank: CarelessBank, says: Say
) -> None:
    party, number = town.person(), card_number()
    bank.begins, bank.proves = challenged, says
    card = done(begin(town, party, number), 201).json()["id"]
    answer = town.act(party, f"/v1/cards/{card}/code", {"code": "123456"})
    assert_problem(answer, 503, "bank_unavailable")
    (found,) = town.bank.get("/v1/cards", headers={"Acting-For": party}).json()["items"]
    assert found["state"] == "asked"
    check_nowhere(world, api, number, answer)


def test_a_bank_that_does_not_answer_is_asked_the_same_again(town: Town, bank: CarelessBank) -> None:
    party, number = town.person(), card_number()
    bank.begins = troubled
    assert_problem(begin(town, party, number), 503, "bank_unavailable")
    first = bank.request
    bank.begins = challenged
    done(begin(town, party, number), 201)
    assert bank.request == first

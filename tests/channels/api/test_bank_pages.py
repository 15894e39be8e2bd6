"""Trades that are paid at a bank's own page: the payer comes back from there, and only the bank's answer counts."""

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import httpx
import msgspec
import pytest

from karez.services.payments.banks.messages import Standing
from karez.services.payments.banks.signatures import signed_request
from tests.channels.api.carded import HOLDER, CardTown, card_number, open_card_town
from tests.channels.api.living import LiveApi
from tests.channels.api.making import HARBOUR_BANK, World, assert_problem, fresh_id
from tests.channels.api.town import Town, done
from tests.simulators.bank_process import BALANCE_MINOR, SECRET

RETURN = "https://shop.example/paid?order=7"
NOTICES = "/v1/bank-notices"


@pytest.fixture(scope="module")
def people(
    world: World, socket_path: Path, town: Town, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[CardTown]:
    """People whose bank has a page, and does not notify by itself."""
    file = tmp_path_factory.mktemp("bank") / "bank"
    with open_card_town(town, world.database, socket_path, file) as opened:
        yield opened


class Visit:
    """A payer on the way to the bank's page and back.

    Args:
        people: Where.
        amount_minor: The price.
        balance_minor: What the payer's wallet pays before.
    """

    def __init__(self, people: CardTown, amount_minor: int = 2_500, balance_minor: int = 0) -> None:
        self.people, self.payer, self.shop = people, people.town.person(balance_minor), people.town.shop()
        self.number = card_number()
        self.account = people.bank.customer(holder=HOLDER, card=self.number)
        self.trade = people.town.order(self.shop, amount_minor, mode="direct")
        before = [{"kind": "balance"}] if balance_minor else []
        sources = [*before, {"kind": "bank_page", "bank": HARBOUR_BANK, "return_url": RETURN}]
        path = f"/v1/trades/{self.trade}/pay"
        answer = done(people.town.act(self.payer, path, {"sources": sources}, fresh_id()), 200).json()
        self.page = str(answer["bank_page"])
        self.instruction = UUID(self.page.rsplit("/", 1)[1])

    def arrive(self) -> None:
        """Wait until the order has come to the bank."""
        self.people.until(lambda: self.people.bank.seen(self.instruction) is not None, "the order")

    def decide(self, decision: str) -> dict[str, str]:
        """Decide at the page, and return what the browser brings back."""
        self.arrive()
        form = {"card": self.number, "decision": decision}
        back = httpx.post(self.page, data=form, trust_env=False)
        assert back.status_code == 303
        address = urlsplit(back.headers["location"])
        assert address.netloc == "shop.example"
        brought = {name: values[0] for name, values in parse_qs(address.query).items()}
        assert brought.pop("order") == "7"
        return brought

    def state(self) -> str:
        """Return how the trade stands."""
        return str(self.people.trade(self.payer, self.trade)["state"])


def until_waiting(people: CardTown, visit: Visit) -> None:
    """Wait until the bank is not asked again for a while."""
    query = "SELECT state = 'processing' AND attempts > 0 FROM bank_instruction WHERE id = %s"
    while not people.row(query, visit.instruction)[0]:
        pass


def test_a_payer_confirms_at_the_bank_s_page_and_comes_back(people: CardTown) -> None:
    visit = Visit(people)
    assert visit.state() == "paying"
    brought = visit.decide("confirm")
    heard = done(people.town.bank.post("/v1/bank-returns", json=brought), 200).json()
    assert heard["id"] == str(visit.instruction)
    assert people.ended(visit.payer, visit.trade)["state"] == "finished"
    assert people.bank.balance(visit.account) == BALANCE_MINOR - 2_500


def test_the_page_asks_for_what_the_balance_leaves(people: CardTown) -> None:
    visit = Visit(people, 2_500, balance_minor=1_000)
    visit.decide("confirm")
    assert people.ended(visit.payer, visit.trade)["state"] == "finished"
    assert people.bank.balance(visit.account) == BALANCE_MINOR - 1_500


def test_what_was_paid_at_the_page_is_refunded_to_where_it_came_from(people: CardTown) -> None:
    visit = Visit(people)
    visit.decide("confirm")
    people.ended(visit.payer, visit.trade)
    refund = {"reference": fresh_id(), "amount_minor": 500}
    done(people.town.act(visit.shop, f"/v1/trades/{visit.trade}/refunds", refund), 201)
    people.until(lambda: people.bank.balance(visit.account) == BALANCE_MINOR - 2_000, "the refund")


def test_a_payer_who_declines_pays_nothing_and_may_choose_again(people: CardTown) -> None:
    visit = Visit(people)
    brought = visit.decide("decline")
    done(people.town.bank.post("/v1/bank-returns", json=brought), 200)
    assert people.ended(visit.payer, visit.trade)["state"] == "created"
    assert people.bank.balance(visit.account) == BALANCE_MINOR


def test_a_return_that_the_bank_has_not_signed_is_refused(people: CardTown) -> None:
    visit = Visit(people)
    brought = visit.decide("decline")
    for forged in (
        {**brought, "state": "succeeded"},
        {**brought, "signature": "0" * 64},
        {**brought, "instruction": fresh_id()},
    ):
        assert_problem(people.town.bank.post("/v1/bank-returns", json=forged), 403, "bank_signature_wrong")
    assert people.ended(visit.payer, visit.trade)["state"] == "created"


def notice(visit: Visit, state: str, secret: str = SECRET) -> tuple[bytes, dict[str, str]]:
    """Return what a bank would send."""
    told = Standing(id=visit.instruction, kind="debit", amount_minor=2_500, currency="CNY", state=state)  # type: ignore[arg-type]
    body = msgspec.json.encode(told)
    return body, {**signed_request(secret, "POST", NOTICES, body), "Content-Type": "application/json"}


def test_a_notice_is_not_believed_but_has_the_bank_asked(people: CardTown, api: LiveApi) -> None:
    visit = Visit(people)
    visit.arrive()
    until_waiting(people, visit)
    with api.client() as bank:
        body, headers = notice(visit, "succeeded")
        for _ in range(3):
            done(bank.post(NOTICES, content=body, headers=headers), 200)
        body, headers = notice(visit, "succeeded", "another secret of whom?")
        assert_problem(bank.post(NOTICES, content=body, headers=headers), 403, "bank_signature_wrong")
        people.until(
            lambda: int(str((people.bank.seen(visit.instruction) or {})["queries"])) > 0, "the question"
        )
        assert visit.state() == "paying"
        visit.decide("confirm")
        body, headers = notice(visit, "declined")
        done(bank.post(NOTICES, content=body, headers=headers), 200)
    assert people.ended(visit.payer, visit.trade)["state"] == "finished"
    assert people.bank.balance(visit.account) == BALANCE_MINOR - 2_500


def test_a_page_that_nobody_uses_is_declined_by_the_bank_in_the_end(people: CardTown) -> None:
    visit = Visit(people)
    visit.arrive()
    until_waiting(people, visit)
    assert visit.state() == "paying"
    taken_ns = int(people.row("SELECT created_ns FROM bank_instruction WHERE id = %s", visit.instruction)[0])
    people.bank.steer("/admin/clock", {"now_ns": taken_ns + 3_600_000_000_000})
    assert people.ended(visit.payer, visit.trade)["state"] == "created"
    (code,) = people.row("SELECT answer_code FROM bank_instruction WHERE id = %s", visit.instruction)
    assert code == "challenge_expired"


@pytest.mark.parametrize(
    "url",
    [
        "http://shop.example/paid",
        "https://someone@shop.example/",
        "https://shop.example/#fragment",
        "https:///paid",
    ],
)
def test_a_browser_is_sent_back_to_safe_addresses_only(people: CardTown, url: str) -> None:
    trade, payer = people.town.order(people.town.shop(), 100), people.town.person()
    body = {"sources": [{"kind": "bank_page", "bank": HARBOUR_BANK, "return_url": url}]}
    answer = people.town.act(payer, f"/v1/trades/{trade}/pay", body, fresh_id())
    assert_problem(answer, 422, "return_url_refused")


def test_one_payment_asks_one_bank_at_most(people: CardTown) -> None:
    ana = people.holder()
    trade = people.town.order(people.town.shop(), 100)
    page = {"kind": "bank_page", "bank": HARBOUR_BANK, "return_url": RETURN}
    body = {"sources": [{"kind": "card", "card": ana.card}, page]}
    # The first one gives all that is left, so the second one is not asked.
    answer = people.town.act(ana.party, f"/v1/trades/{trade}/pay", body, fresh_id())
    assert done(answer, 200).json().get("bank_page") is None
    assert people.ended(ana.party, trade)["state"] == "paid"

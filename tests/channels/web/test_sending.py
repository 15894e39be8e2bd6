"""Sending money in a browser: nothing typed is lost, nothing is sent twice, nobody reads a stranger's receipt."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest

from karez.core.clock import SystemClock
from karez.parties import people
from karez.parties.sessions import IDLE_LIMIT_NS
from karez.storage.database import connect
from karez.storage.tenant import as_entrance
from tests.channels.api.living import LiveApi
from tests.channels.api.town import Town
from tests.channels.web.visiting import PASSWORD, Browser


def party_of(api: LiveApi, phone: str) -> UUID:
    """Whose phone it is."""
    sealer = people.sealer(api.database.secret_key)
    with connect(api.database.web) as conn, as_entrance(conn):
        found = people.find(conn, sealer, "phone", phone)
    assert found is not None
    return found


@pytest.fixture
def payee(api: LiveApi, town: Town) -> Iterator[str]:
    """The phone of somebody who can be paid."""
    with Browser(api.url) as opened:
        phone = opened.register(name="Bo 李小明")
        opened.open_balance()
        yield phone


@pytest.fixture
def payer(browser: Browser, api: LiveApi, town: Town) -> str:
    """The phone of somebody who is logged in and has 500.00 CNY."""
    phone = browser.register()
    browser.open_balance()
    town.deposit(str(party_of(api, phone)), 50_000)
    return phone


def look(browser: Browser, payee: str, amount: str = "12.30", note: str = "For dinner") -> None:
    """Fill the form and look at it once more."""
    browser.open("/send")
    browser.send("/send", to=payee, amount=amount, currency="CNY", note=note)


def test_money_is_sent_after_a_look_at_the_name(
    browser: Browser, payer: str, payee: str, api: LiveApi
) -> None:
    look(browser, payee)
    assert "B** *明" in browser.words
    browser.send("/send/now")
    assert "You sent CN¥12.30" in browser.words
    browser.open("/")
    assert "CN¥487.70" in browser.words
    assert "Sent to B** *明" in browser.words
    with Browser(api.url, "zh-CN") as theirs:
        theirs.open("/log-in")
        theirs.send("/log-in", login_name=payee, password=PASSWORD)
        assert "+¥12.30" in theirs.words
        assert "收到转账 For dinner" in theirs.words


def test_full_width_digits_are_digits(browser: Browser, payer: str, payee: str) -> None:
    look(browser, payee, amount="１２．３０")
    assert "CN¥12.30" in browser.words


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"to": "+8613"}, "Write the phone number with its country code"),
        ({"to": "+861999999999999"}, "Nobody who can be paid is known by this."),
        ({"to": "nobody@example.org"}, "Nobody who can be paid is known by this."),
        ({"amount": "12,30"}, "This is not an amount."),
        ({"amount": "0"}, "The amount must be more than zero."),
        ({"amount": "1.234"}, "This has more decimals"),
        ({"amount": "99999999999999999999"}, "This amount is too large."),
        ({"currency": "XXX"}, "Currency"),
    ],
)
def test_each_field_says_what_is_wrong_and_keeps_what_was_typed(
    browser: Browser, payer: str, payee: str, typed: dict[str, str], sentence: str
) -> None:
    whole = {"to": payee, "amount": "12.30", "currency": "CNY", "note": "Two & <three>"}
    browser.open("/send")
    browser.send("/send", **{**whole, **typed})
    assert browser.page.status_code == 422
    assert sentence in browser.words
    kept = browser.fields("/send")
    assert {name: kept[name] for name in ("to", "amount", "note")} == {
        name: text for name, text in {**whole, **typed}.items() if name != "currency"
    }


def test_what_the_book_refuses_is_told_at_the_field(browser: Browser, payer: str, payee: str) -> None:
    look(browser, payee, amount="500.01")
    browser.send("/send/now")
    assert browser.page.status_code == 422
    assert "Your balance is not enough for this." in browser.words
    assert browser.fields("/send")["to"] == payee


def test_nobody_sends_to_themselves(browser: Browser, payer: str) -> None:
    look(browser, payer)
    assert "This is you." in browser.words


def test_a_form_that_is_sent_many_times_moves_money_once(browser: Browser, payer: str, payee: str) -> None:
    look(browser, payee)
    fields, origin = browser.fields("/send/now"), str(browser.client.base_url).rstrip("/")

    def press(_: int) -> str:
        answer = browser.client.post("/send/now", data=fields, headers={"origin": origin})
        assert answer.status_code == 303
        return answer.headers["location"]

    with ThreadPoolExecutor(8) as hands:
        receipts = set(hands.map(press, range(8)))
    assert len(receipts) == 1
    browser.open("/")
    assert "CN¥487.70" in browser.words


def test_a_form_that_was_changed_after_it_was_sent_does_nothing(
    browser: Browser, payer: str, payee: str
) -> None:
    look(browser, payee)
    fields = browser.fields("/send/now")
    browser.post("/send/now", fields)
    browser.post("/send/now", {**fields, "amount": "99"})
    assert browser.page.status_code == 422
    browser.open("/")
    assert "CN¥487.70" in browser.words


def test_one_changes_what_one_sees(browser: Browser, payer: str, payee: str) -> None:
    look(browser, payee)
    browser.post("/send", {**browser.fields("/send"), "change": "1"})
    assert browser.fields("/send")["note"] == "For dinner"


def test_a_session_that_ends_in_the_middle_leads_back_to_the_filled_form(
    browser: Browser, payer: str, payee: str, api: LiveApi
) -> None:
    look(browser, payee)
    long_ago_ns = SystemClock().now_ns() - IDLE_LIMIT_NS
    with connect(api.database.owner) as conn:
        party = party_of(api, payer)
        conn.execute("UPDATE web_session SET seen_ns = %s WHERE party = %s", (long_ago_ns, party))
    browser.send("/send/now")
    assert browser.page.url.path == "/log-in"
    browser.send("/log-in", login_name=payer, password=PASSWORD)
    assert browser.page.url.path == "/send"
    assert "You were logged out meanwhile. Nothing was sent" in browser.words
    kept = browser.fields("/send")
    assert (kept["to"], kept["amount"], kept["note"]) == (payee, "12.30", "For dinner")
    assert browser.fields("/send")["form_token"]
    browser.open("/send")
    assert browser.fields("/send")["to"] == ""
    browser.open("/")
    assert "CN¥500.00" in browser.words


def test_somebody_else_who_logs_in_there_does_not_see_what_was_typed(
    browser: Browser, payer: str, payee: str, api: LiveApi
) -> None:
    look(browser, payee)
    with connect(api.database.owner) as conn:
        conn.execute("UPDATE web_session SET ended_ns = 1 WHERE party = %s", (party_of(api, payer),))
    browser.send("/send/now")
    browser.send("/log-in", login_name=payee, password=PASSWORD)
    assert browser.page.url.path == "/send"
    assert browser.fields("/send")["to"] == ""


def test_a_receipt_is_for_its_two_sides_only(browser: Browser, payer: str, payee: str, api: LiveApi) -> None:
    look(browser, payee)
    browser.send("/send/now")
    receipt = browser.page.url.path
    with Browser(api.url) as theirs:
        theirs.open("/log-in")
        theirs.send("/log-in", login_name=payee, password=PASSWORD)
        assert theirs.open(receipt).status_code == 200
        assert "You received CN¥12.30" in theirs.words
        assert payer not in theirs.page.text
    with Browser(api.url) as stranger:
        stranger.register()
        assert stranger.open(receipt).status_code == 404
        assert "Nothing here" in stranger.words
    with Browser(api.url) as nobody:
        assert nobody.open(receipt).url.path == "/log-in"


def test_a_shop_sees_its_orders_and_takings_and_sends_no_money(
    browser: Browser, api: LiveApi, town: Town
) -> None:
    phone = browser.register("shop", "Corner shop")
    browser.open_balance()
    assert "There are no orders yet." in browser.words
    assert browser.open("/send").status_code == 404
    assert "Takings of 14 days" in browser.open("/").text
    assert party_of(api, phone)

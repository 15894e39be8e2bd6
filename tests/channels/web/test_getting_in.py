"""Registering, logging in and out; what protects it."""

import httpx
import pytest

from karez.storage.database import connect
from tests.channels.api.living import LiveApi
from tests.channels.web.visiting import PASSWORD, Browser, fresh_phone


def test_somebody_registers_and_is_at_home(browser: Browser) -> None:
    browser.register()
    assert "Recent activity" in browser.words
    assert browser.open("/account").status_code == 200
    assert "Ana 王小红" in browser.words


def test_somebody_logs_out_and_in_again_with_another_spelling_of_the_phone(browser: Browser) -> None:
    phone = browser.register()
    browser.send("/log-out")
    assert "Money that finds its way" in browser.words
    browser.open("/log-in")
    browser.send("/log-in", login_name=f"00{phone[1:5]}-{phone[5:]}", password=PASSWORD)
    assert "Recent activity" in browser.words


def test_a_wrong_password_and_an_unknown_name_are_answered_alike(browser: Browser, api: LiveApi) -> None:
    phone = browser.register()
    answers = []
    for name in (phone, fresh_phone(), "nobody@example.org", "not a name"):
        with Browser(api.url) as stranger:
            stranger.open("/log-in")
            stranger.send("/log-in", login_name=name, password="a wrong password")
            answers.append((stranger.page.status_code, stranger.page.text.replace(name, "")))
    assert len(set(answers)) == 1
    assert answers[0][0] == 422


def test_a_phone_registers_once_and_what_was_typed_stays(browser: Browser, api: LiveApi) -> None:
    phone = browser.register()
    with Browser(api.url) as other:
        other.open("/register")
        other.send("/register", kind="shop", name="Corner <b>shop</b>", login_name=phone, password=PASSWORD)
        assert other.page.status_code == 422
        assert "Somebody has registered with this phone number already." in other.words
        fields = other.fields("/register")
        assert fields["name"] == "Corner <b>shop</b>"
        assert (fields["kind"], fields["login_name"], fields["password"]) == ("shop", phone, "")


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"name": " "}, "Write a name of 1 to 200 letters."),
        ({"login_name": "138 0013 8000"}, "Write the phone number with its country code"),
        ({"login_name": "ana@"}, "The e-mail address is not complete."),
        ({"password": "short"}, "A password has at least 10 characters."),
        ({"password": "aaaaaaaaaaaa"}, "This password repeats a few characters."),
        ({"password": "my name is anabel"}, "This password contains your name"),
        ({"kind": "bank"}, "Choose one of the two."),
    ],
)
def test_each_field_says_what_is_wrong_with_it(
    browser: Browser, typed: dict[str, str], sentence: str
) -> None:
    browser.open("/register")
    whole = {"kind": "person", "name": "Anabel", "login_name": fresh_phone(), "password": PASSWORD}
    browser.send("/register", **{**whole, **typed})
    assert browser.page.status_code == 422
    assert sentence in browser.words


def test_guessing_is_slowed_down_for_strangers_and_not_for_a_browser_that_is_known(
    browser: Browser, api: LiveApi
) -> None:
    phone = browser.register()
    browser.send("/log-out")
    with Browser(api.url) as stranger:
        stranger.open("/log-in")
        for _ in range(9):
            stranger.send("/log-in", login_name=phone, password="a wrong password")
        assert stranger.page.status_code == 429
        stranger.send("/log-in", login_name=phone, password=PASSWORD)
        assert "There were too many tries." in stranger.words
    browser.open("/log-in")
    browser.send("/log-in", login_name=phone, password=PASSWORD)
    assert "Recent activity" in browser.words


def test_a_form_from_another_site_does_nothing(browser: Browser) -> None:
    browser.register()
    token = {"form_token": browser.fields("/log-out")["form_token"]}
    for headers in ({"origin": "https://evil.example"}, {"origin": "null"}, {}):
        assert browser.client.post("/log-out", data=token, headers=headers).status_code == 403
    same, site = str(browser.client.base_url).rstrip("/"), {"sec-fetch-site": "cross-site"}
    assert browser.client.post("/log-out", data=token, headers={"origin": same, **site}).status_code == 403
    assert "Recent activity" in browser.open("/").text


def test_a_form_without_the_token_of_its_session_does_nothing(browser: Browser) -> None:
    browser.register()
    for token in ({}, {"form_token": "0" * 64}, {"form_token": "é"}):
        browser.post("/log-out", token)
        assert "Recent activity" in browser.open("/").text


def test_a_login_begins_a_new_session_and_logging_out_ends_it_in_the_table(
    browser: Browser, api: LiveApi
) -> None:
    phone = browser.register()
    first = browser.client.cookies["karez"]
    browser.open("/log-in")
    browser.post("/log-in", {"login_name": phone, "password": PASSWORD})
    second = browser.client.cookies["karez"]
    assert first != second
    browser.open("/")
    browser.send("/log-out")
    for secret in (first, second):
        answer = httpx.get(f"{api.url}/account", cookies={"karez": secret})
        assert answer.status_code == 303
        assert answer.headers["location"] == "/log-in?next=/account"


def test_the_table_of_sessions_holds_nothing_that_opens_one(browser: Browser, api: LiveApi) -> None:
    browser.register()
    with connect(api.database.owner) as conn:
        rows = conn.execute("SELECT secret_hash FROM web_session").fetchall()
    assert browser.client.cookies["karez"].encode() not in {bytes(row[0]) for row in rows}


def test_another_browser_is_logged_out_from_the_account(browser: Browser, api: LiveApi) -> None:
    phone = browser.register()
    with Browser(api.url) as other:
        other.open("/log-in")
        other.send("/log-in", login_name=phone, password=PASSWORD)
        browser.open("/account")
        browser.send("/account/sessions", session=_button(browser))
        assert "Log in" in other.open("/account").text
        assert other.page.url.path == "/log-in"
    assert browser.open("/account").url.path == "/account"


def test_a_new_password_ends_the_other_sessions(browser: Browser, api: LiveApi) -> None:
    phone = browser.register()
    with Browser(api.url) as other:
        other.open("/log-in")
        other.send("/log-in", login_name=phone, password=PASSWORD)
        browser.open("/account")
        browser.send("/account/password", old_password="wrong one", new_password="nine deep wells")
        assert "This is not your present password." in browser.words
        browser.send("/account/password", old_password=PASSWORD, new_password="nine deep wells")
        assert "The password is changed" in browser.words
        assert other.open("/account").url.path == "/log-in"
        other.send("/log-in", login_name=phone, password=PASSWORD)
        assert other.page.status_code == 422
        other.send("/log-in", login_name=phone, password="nine deep wells")
        assert other.page.status_code == 200


def test_nobody_ends_the_session_of_somebody_else(browser: Browser, api: LiveApi) -> None:
    phone = browser.register()
    with Browser(api.url) as same:
        same.open("/log-in")
        same.send("/log-in", login_name=phone, password=PASSWORD)
    browser.open("/account")
    theirs = _button(browser)
    with Browser(api.url) as other:
        other.register()
        other.open("/account")
        other.post("/account/sessions", {**other.fields("/log-out"), "session": theirs})
    assert theirs in browser.open("/account").text


def test_through_plain_http_from_elsewhere_no_password_is_taken(browser: Browser) -> None:
    place = {"host": "karez.example", "origin": "http://karez.example"}
    answer = browser.client.post("/log-in", data={"login_name": "a@b.org", "password": "x"}, headers=place)
    assert answer.status_code == 422
    assert "not encrypted" in answer.text


def test_through_https_the_cookie_is_bound_to_the_host(browser: Browser) -> None:
    phone = browser.register()
    place = {"host": "karez.example", "origin": "https://karez.example"}
    fields = {"login_name": phone, "password": PASSWORD}
    (cookie,) = [
        text
        for text in browser.client.post("/log-in", data=fields, headers=place).headers.get_list("set-cookie")
        if "karez=" in text
    ]
    assert cookie.startswith("__Host-karez=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=lax"} <= set(cookie.split("; "))


def test_a_login_leads_on_within_this_site_only(browser: Browser) -> None:
    phone = browser.register()
    for wanted in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        fields = {"login_name": phone, "password": PASSWORD, "next": wanted}
        origin = str(browser.client.base_url).rstrip("/")
        answer = browser.client.post("/log-in", data=fields, headers={"origin": origin})
        assert answer.headers["location"] == "/"


def _button(browser: Browser) -> str:
    return browser.page.text.split('name="session" value="')[1].split('"')[0]

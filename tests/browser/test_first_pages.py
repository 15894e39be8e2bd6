"""Two people register in a browser, one gets money and sends some of it; in both languages and at both widths."""

from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect

from karez.parties.roles import Permission
from karez.parties.tokens import Owner
from tests.browser.conftest import take_picture
from tests.channels.api.living import LiveApi
from tests.channels.api.making import World
from tests.channels.api.town import Town
from tests.channels.web.test_sending import party_of
from tests.channels.web.visiting import PASSWORD, fresh_phone


@dataclass(frozen=True)
class Words:
    """What the journey presses and reads in one language."""

    tag: str
    register: str
    open_balance: str
    send: str
    look: str
    now: str
    sent: str
    left: str
    log_out: str


WORDS = {
    "en": Words(
        "en",
        "Register",
        "Open a balance in CNY",
        "Send money",
        "Look at it once more",
        "Send now",
        "You sent",
        "CN¥4,987.70",
        "Log out",
    ),
    "zh": Words(
        "zh-CN", "注册", "开通 CNY 余额", "转账", "下一步：核对", "确认转账", "您已转出", "¥4,987.70", "退出"
    ),
}


@pytest.fixture(params=[(language, width) for language in WORDS for width in (360, 1280)], ids=str)
def visitor(
    request: pytest.FixtureRequest, chromium: Browser, api: LiveApi
) -> Iterator[tuple[Page, str, int]]:
    """A page of an empty browser, its language and its width."""
    language, width = request.param
    context = chromium.new_context(
        base_url=api.url,
        locale=WORDS[language].tag,
        viewport={"width": width, "height": 780},
        color_scheme="light",
    )
    page = context.new_page()
    troubles: list[str] = []
    foreign: list[str] = []
    page.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda asked: None if asked.url.startswith(api.url) else foreign.append(asked.url))
    yield page, language, width
    context.close()
    assert foreign == []
    # What a page refuses on purpose (422) is written to the console by the browser itself.
    assert [each for each in troubles if "422" not in each] == []


def register(page: Page, words: Words, name: str, phone: str, kind: str = "person") -> None:
    """Register and open a balance."""
    page.goto("/register")
    page.locator(f"input[value={kind}]").check()
    page.locator("#name").fill(name)
    page.locator("#login_name").fill(phone)
    page.locator("#password").fill(PASSWORD)
    page.locator("main").get_by_role("button", name=words.register).click()
    page.get_by_role("button", name=words.open_balance).click()


def fits(page: Page) -> bool:
    """Tell whether nothing sticks out of the window at the side."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def test_two_people_register_and_one_sends_money_to_the_other(
    visitor: tuple[Page, str, int], api: LiveApi, town: Town
) -> None:
    page, language, width = visitor
    words, ending = WORDS[language], f"{language}-{width}"
    payer, payee = fresh_phone(), fresh_phone()

    def seen(name: str) -> None:
        assert fits(page), f"{name} is wider than {width} px"
        assert page.locator("html").get_attribute("lang") == words.tag
        take_picture(page, f"{name}-{ending}")

    page.goto("/")
    seen("start")
    page.goto("/register")
    seen("register")
    register(page, words, "Bo 李小明", payee)
    page.get_by_role("button", name=words.log_out).click()
    register(page, words, "Ana 王小红", payer)
    seen("home-empty")
    town.deposit(str(party_of(api, payer)), 500_000)

    page.goto("/send")
    page.locator("#to").fill(payee[:-1])
    page.locator("#amount").fill("12.3.0")
    page.get_by_role("button", name=words.look).click()
    expect(page.locator("#amount")).to_have_attribute("aria-invalid", "true")
    seen("send-wrong")
    page.locator("#to").fill(payee)
    page.locator("#amount").fill("12.30")
    page.locator("#note").fill("For dinner 晚饭")
    page.get_by_role("button", name=words.look).click()
    expect(page.locator("main")).to_contain_text("B** *明")
    seen("send-check")
    page.get_by_role("button", name=words.now).dblclick()
    expect(page.locator("main")).to_contain_text(words.sent)
    seen("receipt")
    receipt = page.url
    page.reload()
    page.go_back()
    page.get_by_role("button", name=words.now).click()
    expect(page).to_have_url(receipt)
    page.goto("/")
    expect(page.locator("main")).to_contain_text(words.left)
    seen("home")
    page.goto("/account")
    seen("account")


def test_a_shop_sees_what_it_took(
    visitor: tuple[Page, str, int], api: LiveApi, town: Town, world: World
) -> None:
    page, language, width = visitor
    phone = fresh_phone()
    register(page, WORDS[language], "Corner shop 街角小店", phone, "shop")
    shop = party_of(api, phone)
    buyer = town.person(1_000_000)
    with api.client(world.token(Owner(party=shop), Permission.PAYMENTS_WRITE)) as till:
        for number, (title, amount_minor) in enumerate(
            (("Two bowls", 12_300), ("一把茶壶", 45_600), ("Tea", 2_800))
        ):
            order = {
                "reference": f"order-{number}",
                "title": title,
                "currency": "CNY",
                "amount_minor": amount_minor,
            }
            trade = _done(till.post("/v1/trades", json=order))["id"]
            if number:
                town.act(buyer, f"/v1/trades/{trade}/pay").raise_for_status()
    page.goto("/")
    expect(page.locator("main")).to_contain_text("484.00")
    expect(page.locator("svg.chart")).to_be_visible()
    assert fits(page)
    take_picture(page, f"shop-{language}-{width}")
    page.goto("/styleguide")
    assert fits(page)
    take_picture(page, f"styleguide-{language}-{width}")


def test_the_language_is_changed_by_a_press_and_kept(chromium: Browser, api: LiveApi, town: Town) -> None:
    page = chromium.new_context(base_url=api.url, locale="en").new_page()
    page.goto("/register")
    page.get_by_role("button", name="简体中文").click()
    expect(page).to_have_url(f"{api.url}/register")
    expect(page.locator("h1")).to_have_text("注册")
    page.goto("/")
    assert page.locator("html").get_attribute("lang") == "zh-CN"
    page.context.close()


def test_everything_works_without_javascript(chromium: Browser, api: LiveApi, town: Town) -> None:
    page = chromium.new_context(base_url=api.url, locale="en", java_script_enabled=False).new_page()
    register(page, WORDS["en"], "Ana", fresh_phone())
    expect(page.locator("main")).to_contain_text("Balance")
    page.context.close()


def _done(answer: httpx.Response) -> dict[str, str]:
    answer.raise_for_status()
    return dict(answer.json())

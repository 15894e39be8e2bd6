"""Shops print codes and are paid by them, over HTTP."""

import xml.etree.ElementTree as ElementTree
from uuid import UUID

import pytest

from tests.channels.api.making import assert_problem, fresh_id
from tests.channels.api.till import (
    TEA_HOUSE,
    code_of_order,
    coupon,
    funds,
    pay,
    read,
    scan,
    show,
    sticker,
    takings,
    tea_house,
)
from tests.channels.api.town import Town, done
from tests.services.payments.qr.payloads import ANNEX, GOOD, INCOMPLETE, SHOWN_BY_A_PAYER, WRONG_CHECKSUM
from tests.services.payments.qr.reading_pictures import pixels_of_png, pixels_of_svg, text_in
from tests.services.payments.qr.test_emv import changed, sealed


def test_a_shop_hangs_up_a_code_and_is_paid_what_the_payer_types(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    code = sticker(town, shop)
    found = done(scan(town, ana, code["text"]), 200).json()
    assert (found["kind"], found["action"], found["shop"]) == ("shop_code", "pay", shop)
    assert (found["front"], found["currency"], found["amount_minor"]) == (TEA_HOUSE, "CNY", None)
    paid = done(pay(town, ana, code["text"], 1_230), 200).json()
    assert (paid["state"], paid["amount_minor"], paid["released_minor"]) == ("finished", 1_230, 1_230)
    assert (funds(town, ana), takings(town, shop)) == (8_770, 1_230)
    bought = done(read(town, ana, f"/v1/trades/{paid['id']}"), 200).json()
    assert (bought["title"], bought["buyer"], bought["shop"]) == ("坎儿井茶馆 (till 2)", ana, shop)


def test_what_a_sticker_has_brought_is_refunded_like_everything_else(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    paid = done(pay(town, ana, sticker(town, shop)["text"], 1_230), 200).json()
    back = {"reference": "back", "amount_minor": 230}
    done(town.act(shop, f"/v1/trades/{paid['id']}/refunds", back, fresh_id()), 201)
    assert (funds(town, ana), takings(town, shop)) == (9_000, 1_000)


def test_a_sticker_is_paid_from_a_coupon_and_the_balance(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    sources = [{"kind": "coupon", "coupon": coupon(town, ana)}, {"kind": "balance"}]
    done(pay(town, ana, sticker(town, shop)["text"], 1_230, sources=sources), 200)
    assert (funds(town, ana), takings(town, shop)) == (8_870, 1_230)


def test_who_has_lost_the_answer_asks_again_and_has_paid_once(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    code, key = sticker(town, shop), fresh_id()
    first = done(pay(town, ana, code["text"], 1_230, key), 200)
    done(town.act(shop, f"/v1/shop-codes/{code['id']}/withdraw"), 200)
    assert done(pay(town, ana, code["text"], 1_230, key), 200).content == first.content
    assert funds(town, ana) == 8_770
    assert_problem(pay(town, ana, code["text"], 1_231, key), 409, "shop_code_withdrawn")


@pytest.mark.parametrize("mode", ["direct", "escrow"])
def test_the_code_of_an_order_pays_it_as_it_was_ordered(town: Town, mode: str) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    trade, text = code_of_order(town, shop, 2_500, mode=mode)
    found = done(scan(town, ana, text), 200).json()
    assert (found["kind"], found["action"], found["trade"]) == ("order", "pay", trade)
    assert (found["amount_minor"], found["title"]) == (2_500, "Two bowls")
    paid = done(pay(town, ana, text), 200).json()
    assert paid["id"] == trade
    assert paid["held_minor"] == (2_500 if mode == "escrow" else 0)
    seen = done(scan(town, ana, text), 200).json()
    assert (seen["action"], seen["trade_state"]) == (None, paid["state"])


def test_an_order_is_paid_at_its_price_alone(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    _, text = code_of_order(town, shop, 2_500)
    assert_problem(pay(town, ana, text, 2_499), 409, "qr_price_differs")
    cheaper = changed("54", "24.99", text)
    assert_problem(pay(town, ana, cheaper), 409, "qr_price_differs")
    assert_problem(scan(town, ana, cheaper), 409, "qr_price_differs")
    done(pay(town, ana, text, 2_500), 200)


def test_an_order_that_somebody_else_has_paid_looks_like_none(town: Town) -> None:
    shop, ana, ben = tea_house(town), town.person(10_000), town.person(10_000)
    trade, text = code_of_order(town, shop, 2_500)
    done(pay(town, ana, text), 200)
    assert_problem(scan(town, ben, text), 404, "qr_order_gone")
    assert_problem(pay(town, ben, text), 404, "qr_order_gone")
    made_up = sealed(text.replace(UUID(trade).hex, UUID(fresh_id()).hex)[:-8])
    assert_problem(pay(town, ben, made_up), 404, "qr_order_gone")
    assert funds(town, ben) == 10_000


def test_a_paid_order_has_no_code_any_more_and_others_never_see_it(town: Town) -> None:
    shop, other, ana = tea_house(town), tea_house(town), town.person(10_000)
    trade, text = code_of_order(town, shop, 2_500)
    assert_problem(read(town, other, f"/v1/trades/{trade}/code"), 403, "trade_not_yours")
    done(pay(town, ana, text), 200)
    assert_problem(read(town, shop, f"/v1/trades/{trade}/code"), 409, "trade_state_wrong")
    assert_problem(read(town, other, f"/v1/trades/{trade}/code/picture"), 404, "trade_not_found")


@pytest.mark.parametrize(
    ("level", "balance_minor", "amount_minor", "code"),
    [
        ("full", 1_000, 1_001, "balance_too_low"),
        ("basic", 500_000, 100_001, "payment_limit_exceeded"),
        ("basic", 500_000, 60_000, "day_limit_exceeded"),
    ],
)
def test_what_a_payer_cannot_pay_leaves_no_trade(
    town: Town, level: str, balance_minor: int, amount_minor: int, code: str
) -> None:
    shop, ana = tea_house(town), town.person(balance_minor, level)
    text = sticker(town, shop)["text"]
    if code == "day_limit_exceeded":
        done(pay(town, ana, text, 60_000), 200)
    before = done(read(town, ana, "/v1/trades"), 200).json()
    assert_problem(pay(town, ana, text, amount_minor), 422, code)
    assert done(read(town, ana, "/v1/trades"), 200).json() == before


def test_what_cannot_be_paid_by_a_sticker_is_said(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    text = sticker(town, shop)["text"]
    assert_problem(pay(town, ana, text), 422, "shop_code_amount_needed")
    for amount_minor in (0, -1, 2**63):
        assert_problem(pay(town, ana, text, amount_minor), 400, "field_invalid")
    assert_problem(pay(town, ana, text, 2**63 - 1), 422, "amount_too_large")
    assert_problem(pay(town, shop, text, 1), 422, "buyer_is_shop")
    missing = town.act(ana, "/v1/scanned-codes/pay", {"text": text, "sources": [{"kind": "balance"}]})
    assert_problem(missing, 400, "idempotency_key_missing")


def test_a_withdrawn_sticker_pays_nobody(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    code = sticker(town, shop)
    path = f"/v1/shop-codes/{code['id']}"
    withdrawn = done(town.act(shop, f"{path}/withdraw"), 200)
    assert done(town.act(shop, f"{path}/withdraw"), 200).content == withdrawn.content
    assert_problem(town.act(shop, f"{path}/withdraw", key=fresh_id()), 409, "shop_code_withdrawn")
    assert_problem(scan(town, ana, code["text"]), 409, "shop_code_withdrawn")
    assert_problem(pay(town, ana, code["text"], 100), 409, "shop_code_withdrawn")
    assert_problem(read(town, shop, f"{path}/picture"), 409, "shop_code_withdrawn")
    assert done(read(town, shop, path), 200).json()["state"] == "withdrawn"


def test_a_shop_lists_its_own_codes_page_by_page(town: Town) -> None:
    shop, other = tea_house(town), tea_house(town)
    sticker(town, other)
    made = [sticker(town, shop, f"till {number}")["id"] for number in range(5)]
    assert len({*made}) == 5
    first = done(read(town, shop, "/v1/shop-codes", limit="3"), 200).json()
    rest = done(read(town, shop, "/v1/shop-codes", limit="3", before=first["next_before"]), 200).json()
    assert [each["id"] for each in (*first["items"], *rest["items"])] == made[::-1]
    assert rest["next_before"] is None


def test_only_its_own_shop_withdraws_a_code_within_one_institution(town: Town) -> None:
    shop, other = tea_house(town), tea_house(town)
    path = f"/v1/shop-codes/{sticker(town, shop)['id']}"
    assert_problem(read(town, other, path), 404, "shop_code_unknown")
    assert_problem(town.act(other, f"{path}/withdraw"), 404, "shop_code_unknown")


def test_who_has_not_said_who_it_is_has_no_codes_and_neither_has_a_person(town: Town) -> None:
    shop, ana = town.shop(), town.person()
    new = {"currency": "CNY", "label": "till"}
    assert_problem(read(town, shop, "/v1/shopfront"), 409, "shopfront_missing")
    assert_problem(town.act(shop, "/v1/shop-codes", new, fresh_id()), 409, "shopfront_missing")
    trade = town.order(shop, 100)
    assert_problem(read(town, shop, f"/v1/trades/{trade}/code"), 409, "shopfront_missing")
    answer = town.act(ana, "/v1/shop-codes", new, fresh_id())
    assert answer.json()["code"] == "shop_needed"
    foreign = town.act(shop, "/v1/shop-codes", {**new, "currency": "EUR"}, fresh_id())
    assert_problem(foreign, 404, "wallet_not_found")
    unknown = town.act(shop, "/v1/shop-codes", {**new, "currency": "XXQ"}, fresh_id())
    assert_problem(unknown, 422, "currency_unknown")


def test_a_shop_changes_what_its_codes_tell_back_and_forth(town: Town) -> None:
    shop, ana = tea_house(town), town.person(1_000)
    code = sticker(town, shop)
    for name in ("NEW TEA HOUSE", "TEA HOUSE", "NEW TEA HOUSE"):
        done(show(town, shop, {**TEA_HOUSE, "name": name}), 200)
        assert done(read(town, shop, "/v1/shopfront"), 200).json()["name"] == name
        assert done(scan(town, ana, code["text"]), 200).json()["front"]["name"] == name
    done(pay(town, ana, code["text"], 1_000), 200)


@pytest.mark.parametrize(
    ("change", "code", "tag"),
    [
        ({"name": "茶馆"}, "qr_field_malformed", "59"),
        ({"name": "TEA 🍵"}, "qr_field_malformed", "59"),
        ({"name": "T\u0000A"}, "qr_field_malformed", "59"),
        ({"name": "A" * 600}, "qr_too_long", "59"),
        ({"city": "B" * 16}, "qr_too_long", "60"),
        ({"country": "cn"}, "qr_field_malformed", "58"),
        ({"category_code": "58123"}, "qr_too_long", "52"),
        ({"category_code": "５８１２"}, "qr_field_malformed", "52"),
        ({"language": None}, "qr_mandatory_field_missing", "64.00"),
        ({"local_name": None}, "qr_mandatory_field_missing", "64.01"),
        ({"local_name": "茶\u0000馆"}, "qr_field_malformed", "64.01"),
        ({"local_name": "茶\n馆"}, "qr_field_malformed", "64.01"),
        ({"local_name": "\u202e馆茶"}, "qr_field_malformed", "64.01"),
        ({"local_name": "馆" * 600}, "qr_too_long", "64.01"),
        ({"local_name": "馆" * 26}, "qr_too_long", "64.01"),
    ],
)
def test_a_shopfront_that_no_code_could_tell_is_refused_by_its_field(
    town: Town, change: dict[str, str | None], code: str, tag: str
) -> None:
    shop = town.shop()
    assert assert_problem(show(town, shop, {**TEA_HOUSE, **change}), 422, code)["tag"] == tag
    assert_problem(read(town, shop, "/v1/shopfront"), 409, "shopfront_missing")


def test_a_shop_may_have_an_emoji_in_its_name(town: Town) -> None:
    shop, ana = town.shop(), town.person(1_000)
    done(show(town, shop, {**TEA_HOUSE, "local_name": "坎儿井茶馆🍵"}), 200)
    code = sticker(town, shop)
    picture = done(read(town, shop, f"/v1/shop-codes/{code['id']}/picture"), 200)
    assert text_in(pixels_of_svg(picture.text)) == code["text"]
    assert done(scan(town, ana, code["text"]), 200).json()["front"]["local_name"] == "坎儿井茶馆🍵"


@pytest.mark.parametrize("label", ["窗口", "t" * 26, "t" * 600, "till\n2", "till \u00e9"])
def test_a_label_that_no_code_could_tell_is_refused(town: Town, label: str) -> None:
    shop = tea_house(town)
    answer = town.act(shop, "/v1/shop-codes", {"currency": "CNY", "label": label}, fresh_id())
    expected = "qr_too_long" if len(label) > 25 else "qr_field_malformed"
    assert assert_problem(answer, 422, expected)["tag"] == "62.07"
    assert done(read(town, shop, "/v1/shop-codes"), 200).json()["items"] == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (WRONG_CHECKSUM["pix"], "qr_checksum_wrong"),
        (INCOMPLETE, "qr_mandatory_field_missing"),
        (sealed(ANNEX[:-8] + "5"), "qr_truncated"),
        (sealed(ANNEX[:-8] + "8199x"), "qr_truncated"),
        (changed("53", "999"), "qr_currency_unknown"),
        (changed("54", "0"), "qr_amount_malformed"),
        (changed("54", "-1.00"), "qr_amount_malformed"),
        (changed("54", "12345678901.00"), "qr_too_long"),
        (changed("64", "0002ZH0104茶\u0007馆茶"), "qr_field_malformed"),
        (sealed(ANNEX[:-8] + "5914BEST TRANSPORT"), "qr_field_repeated"),
        ("000201" + "9" * 600, "qr_too_long"),
        ("9" * 600, "qr_not_merchant_presented"),
        ("https://example.org/pay", "qr_not_merchant_presented"),
        ("茶🍵\u0000", "qr_not_merchant_presented"),
        ("", "qr_not_merchant_presented"),
    ],
)
def test_a_broken_code_is_refused_by_what_is_wrong_with_it(town: Town, text: str, code: str) -> None:
    ana = town.person(1_000)
    assert_problem(scan(town, ana, text), 422, code)
    assert_problem(pay(town, ana, text, 100), 422, code)
    assert (funds(town, ana), done(read(town, ana, "/v1/trades"), 200).json()["items"]) == (1_000, [])


def test_what_is_longer_than_any_scan_is_refused_at_the_door(town: Town) -> None:
    assert_problem(scan(town, town.person(), "9" * 5_000), 400, "field_invalid")


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_code_of_other_schemes_is_told_and_not_paid(town: Town, text: str) -> None:
    ana = town.person(1_000)
    found = done(scan(town, ana, text), 200).json()
    assert (found["kind"], found["action"], found["shop"]) == ("other_scheme", None, None)
    assert found["front"]["name"]
    assert_problem(pay(town, ana, text, 100), 422, "qr_scheme_unknown")


def test_a_code_of_a_payer_is_told_from_a_shops(town: Town) -> None:
    ana = town.person()
    assert done(scan(town, ana, "281234567890123456"), 200).json()["action"] == "charge"
    assert done(scan(town, ana, SHOWN_BY_A_PAYER), 200).json()["kind"] == "other_payer"
    assert_problem(pay(town, ana, "281234567890123456", 1), 422, "qr_not_merchant_presented")


def test_pictures_say_what_the_codes_say(town: Town) -> None:
    shop, ana = tea_house(town), town.person(10_000)
    code = sticker(town, shop)
    trade, text = code_of_order(town, shop, 2_500)
    one_time = done(town.act(ana, "/v1/pay-codes", None, fresh_id()), 201).json()
    for party, path, says in (
        (shop, f"/v1/shop-codes/{code['id']}/picture", code["text"]),
        (shop, f"/v1/trades/{trade}/code/picture", text),
        (ana, f"/v1/pay-codes/{one_time['id']}/picture", one_time["code"]),
    ):
        drawn = done(read(town, party, path), 200)
        assert drawn.headers["content-type"].startswith("image/svg+xml")
        assert ElementTree.fromstring(drawn.text).findtext("{http://www.w3.org/2000/svg}title")
        assert text_in(pixels_of_svg(drawn.text)) == says
        drawn = done(read(town, party, path, format="png"), 200)
        assert drawn.headers["content-type"] == "image/png"
        assert text_in(pixels_of_png(drawn.content)) == says
        assert_problem(read(town, party, path, format="gif"), 400, "field_invalid")


def test_an_order_whose_price_is_too_long_for_a_code_has_none(town: Town) -> None:
    shop = tea_house(town)
    trade = town.order(shop, 10**13)
    facts = assert_problem(read(town, shop, f"/v1/trades/{trade}/code"), 422, "qr_too_long")
    assert facts["tag"] == "54"

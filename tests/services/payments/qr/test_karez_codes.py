"""What Karez writes into a shop's code, and what a payer's app finds in any text."""

from uuid import UUID

import pytest

from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from karez.services.payments.qr import fields
from karez.services.payments.qr.consumer_emv import is_consumer_presented
from karez.services.payments.qr.data_objects import DataObject
from karez.services.payments.qr.emv import MerchantCode, Shopfront, merchant_code
from karez.services.payments.qr.karez_codes import (
    SCHEME,
    ShopCodeNamed,
    TradeNamed,
    code_of_shop,
    code_of_trade,
    what_is_named,
)
from tests.parties.making import NOW_NS, refused
from tests.services.payments.qr.payloads import ANNEX, GOOD, SHOWN_BY_A_PAYER

TEA_HOUSE = Shopfront("TEA HOUSE", "TURPAN", "CN", "5812", "ZH", "坎儿井茶馆", "吐鲁番")
ID = new_id(NOW_NS)


def test_a_sticker_names_the_shops_code_and_leaves_the_amount_to_the_payer() -> None:
    code = code_of_shop(ID, TEA_HOUSE, "CNY", "till 2")
    assert what_is_named(code.text()) == ShopCodeNamed(ID)
    assert not code.is_dynamic
    assert code.amount_minor is None
    assert code.shopfront == TEA_HOUSE
    assert code.additional == {fields.TERMINAL_LABEL: "till 2"}


def test_the_code_of_an_order_names_it_with_its_price() -> None:
    code = code_of_trade(ID, "order-1", TEA_HOUSE, "CNY", 1_230)
    assert what_is_named(code.text()) == TradeNamed(ID, "CNY", 1_230)
    assert code.is_dynamic
    assert code.additional == {fields.REFERENCE_LABEL: "order-1"}


def test_a_reference_that_is_too_long_for_a_code_is_left_out() -> None:
    code = code_of_trade(ID, "r" * 64, TEA_HOUSE, "CNY", 1_230)
    assert code.additional == {}
    assert what_is_named(code.text()) == TradeNamed(ID, "CNY", 1_230)


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_code_of_other_schemes_is_refused_with_the_shops_name(text: str) -> None:
    with pytest.raises(Rejected) as rejection:
        what_is_named(text)
    assert rejection.value.code == "qr_scheme_unknown"
    assert MerchantCode.read(text).shopfront.name in rejection.value.sentence


def test_karez_is_found_beside_other_schemes() -> None:
    ours = code_of_shop(ID, TEA_HOUSE, "CNY", "till 2")
    account = next(each for each in ours.objects if each.tag == "26")
    both = MerchantCode((*MerchantCode.read(ANNEX).objects, DataObject("44", account.value)))
    assert what_is_named(both.text()) == ShopCodeNamed(ID)


@pytest.mark.parametrize("text", [SHOWN_BY_A_PAYER, "281234567890123456"])
def test_a_payers_code_is_not_taken_for_a_shops(text: str) -> None:
    with pytest.raises(Rejected) as rejection:
        what_is_named(text)
    assert rejection.value.code == "qr_not_merchant_presented"
    assert "payer shows" in rejection.value.sentence


@pytest.mark.parametrize("text", ["", "hQV", "aGVsbG8=", "å", "A" * 2_000, *GOOD.values()])
def test_other_texts_are_not_taken_for_a_payers_code(text: str) -> None:
    assert not is_consumer_presented(text)


@pytest.mark.parametrize(("tag", "value"), [("01", "shop-1"), ("02", "0" * 33), ("01", "茶" * 32)])
def test_a_made_up_id_is_refused(tag: str, value: str) -> None:
    account = (DataObject("00", SCHEME), DataObject(tag, value))
    with refused("qr_malformed"):
        what_is_named(merchant_code(account, TEA_HOUSE, "CNY", None, dynamic=False).text())


def test_a_code_of_karez_that_names_nothing_is_of_an_unknown_kind() -> None:
    account = (DataObject("00", SCHEME), DataObject("77", "new kind"))
    with refused("qr_scheme_unknown"):
        what_is_named(merchant_code(account, TEA_HOUSE, "CNY", None, dynamic=False).text())


def test_the_scheme_is_a_uuid_without_hyphens_as_the_specification_allows() -> None:
    assert UUID(hex=SCHEME).hex == SCHEME

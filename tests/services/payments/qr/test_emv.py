"""Payment codes of shops: what others have written is read, what is wrong is refused by its name."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.qr import fields
from karez.services.payments.qr.checksum import checksum
from karez.services.payments.qr.data_objects import DataObject, parse_objects
from karez.services.payments.qr.emv import PAYLOAD_LENGTH_MAX, MerchantCode, Shopfront, merchant_code
from tests.parties.making import refused
from tests.services.payments.qr.payloads import ANNEX, GOOD, INCOMPLETE, WRONG_CHECKSUM

TEA_HOUSE = Shopfront("TEA HOUSE", "TURPAN", "CN", "5812", "ZH", "坎儿井茶馆", "吐鲁番")
ACCOUNT = (DataObject("00", "org.example"), DataObject("01", "shop-1"))


def sealed(content: str) -> str:
    """A code with a right check sum, whatever it says."""
    content += "6304"
    return content + checksum(content.encode())


def changed(tag: str, value: str | None, text: str = ANNEX) -> str:
    """A code in which one field has another value, or is missing."""
    objects = [(each.tag, value if each.tag == tag else each.value) for each in parse_objects(text[:-8])]
    return sealed("".join(f"{each}{len(text):02}{text}" for each, text in objects if text is not None))


def test_the_check_sum_is_the_one_of_the_catalogue_of_check_sums() -> None:
    assert checksum(b"123456789") == "29B1"
    assert checksum(b"") == "FFFF"


@pytest.mark.parametrize("text", GOOD.values(), ids=GOOD.keys())
def test_a_code_from_the_wild_is_read_and_written_again_as_it_was(text: str) -> None:
    assert MerchantCode.read(text).text() == text


def test_a_code_tells_who_is_paid_how_much_and_for_what() -> None:
    code = MerchantCode.read(ANNEX)
    assert code.is_dynamic
    assert (code.currency, code.amount_minor) == ("CNY", 2372)
    assert code.shopfront == Shopfront("BEST TRANSPORT", "BEIJING", "CN", "4111", "ZH", "最佳运输", "北京")
    assert code.account("D15600000001") == {"00": "D15600000001", "03": "12345678"}
    assert code.account("D15600000002") is None
    assert code.additional[fields.TERMINAL_LABEL] == "A6008667"


@pytest.mark.parametrize(
    ("name", "currency", "amount_minor", "dynamic"),
    [
        ("pix static", "BRL", None, False),
        ("vero printed", "BRL", 1250, False),
        ("vero till", "BRL", None, True),
        ("cambodia", "USD", 1000, True),
        ("philippines", "PHP", None, False),
        ("indonesia", "IDR", 10_000_00, True),
    ],
)
def test_codes_of_many_countries_are_understood(
    name: str, currency: str, amount_minor: int | None, dynamic: bool
) -> None:
    code = MerchantCode.read(GOOD[name])
    assert (code.currency, code.amount_minor, code.is_dynamic) == (currency, amount_minor, dynamic)


def test_tips_and_unknown_fields_are_kept_and_add_nothing_to_the_amount() -> None:
    with_fee = changed("55", "02").replace("550202", "5502025603100")[:-8]
    code = MerchantCode.read(sealed(with_fee))
    assert code.amount_minor == 2372
    assert (code.fields["56"], code.fields["91"]) == ("100", "0016A011223344998877070812345678")


@pytest.mark.parametrize("text", WRONG_CHECKSUM.values(), ids=WRONG_CHECKSUM.keys())
def test_a_code_whose_check_sum_does_not_fit_is_refused(text: str) -> None:
    with refused("qr_checksum_wrong"):
        MerchantCode.read(text)


@given(
    st.sampled_from([place for place in range(6, len(ANNEX) - 8) if ANNEX[place].isascii()]),
    st.characters(min_codepoint=32, max_codepoint=126),
)
def test_a_misread_character_is_noticed_wherever_it_is(place: int, character: str) -> None:
    misread = ANNEX[:place] + character + ANNEX[place + 1 :]
    if misread != ANNEX:
        with refused("qr_checksum_wrong"):
            MerchantCode.read(misread)


@given(st.integers(6, len(ANNEX) - 1))
def test_a_code_that_was_scanned_in_part_is_refused(length: int) -> None:
    with refused("qr_truncated"):
        MerchantCode.read(ANNEX[:length])


def test_the_first_missing_field_is_named() -> None:
    with pytest.raises(Rejected) as rejection:
        MerchantCode.read(INCOMPLETE)
    assert rejection.value.code == "qr_mandatory_field_missing"
    assert rejection.value.facts == {"tag": "52"}


@pytest.mark.parametrize(
    ("tag", "named"), [("52", "52"), ("53", "53"), ("58", "58"), ("59", "59"), ("60", "60")]
)
def test_every_field_that_a_code_must_have_is_missed(tag: str, named: str) -> None:
    with pytest.raises(Rejected) as rejection:
        MerchantCode.read(changed(tag, None))
    assert rejection.value.facts == {"tag": named}
    assert rejection.value.code == "qr_mandatory_field_missing"


def test_a_code_without_any_account_pays_nobody() -> None:
    with pytest.raises(Rejected) as rejection:
        MerchantCode.read(changed("29", None, changed("31", None)))
    assert rejection.value.facts == {"tag": "02 to 51"}


@pytest.mark.parametrize(
    ("tag", "value", "code"),
    [
        ("01", "13", "qr_field_malformed"),
        ("52", "41A1", "qr_field_malformed"),
        ("53", "15", "qr_field_malformed"),
        ("53", "999", "qr_currency_unknown"),
        ("58", "cn", "qr_field_malformed"),
        ("59", "最佳运输", "qr_field_malformed"),
        ("59", "A" * 26, "qr_too_long"),
        ("60", "B" * 16, "qr_too_long"),
        ("54", "0", "qr_amount_malformed"),
        ("54", "0.00", "qr_amount_malformed"),
        ("54", "-1.00", "qr_amount_malformed"),
        ("54", "1,000", "qr_amount_malformed"),
        ("54", "1 000", "qr_amount_malformed"),
        ("54", ".50", "qr_amount_malformed"),
        ("54", "1.001", "qr_amount_malformed"),
        ("54", "1.2.3", "qr_amount_malformed"),
        ("54", "１２", "qr_amount_malformed"),
        ("54", "12345678901.00", "qr_too_long"),
        ("62", "0525" + "R" * 24, "qr_truncated"),
        ("62", "05", "qr_truncated"),
        ("62", "0501R0501R", "qr_field_repeated"),
        ("62", "XX01R", "qr_malformed"),
        ("62", "0500", "qr_malformed"),
        ("62", "05²1R", "qr_malformed"),
        ("62", "05１1R", "qr_malformed"),
        ("62", "0526" + "R" * 26, "qr_too_long"),
        ("62", "0503茶", "qr_truncated"),
        ("62", "0501茶", "qr_field_malformed"),
        ("64", "0104茶馆茶馆", "qr_mandatory_field_missing"),
        ("64", "0002ZH", "qr_mandatory_field_missing"),
        ("64", "0003ZHO0104茶馆茶馆", "qr_too_long"),
        ("64", "0002ZH0104茶\n馆茶", "qr_field_malformed"),
        ("64", "0002ZH0104\u202e馆茶馆", "qr_field_malformed"),
        ("64", "0002ZH0102茶馆0202\x7f北", "qr_field_malformed"),
        ("29", "0103abc", "qr_mandatory_field_missing"),
        ("29", "00", "qr_truncated"),
    ],
)
def test_a_field_that_breaks_its_rule_is_refused_by_name(tag: str, value: str, code: str) -> None:
    with pytest.raises(Rejected) as rejection:
        MerchantCode.read(changed(tag, value))
    assert rejection.value.code == code
    if code not in ("qr_amount_malformed", "qr_currency_unknown", "qr_malformed"):
        assert tag in str(rejection.value)


@pytest.mark.parametrize(
    ("text", "amount_minor"), [("98.73", 9873), ("98", 9800), ("98.", 9800), ("5.5", 550)]
)
def test_amounts_are_read_as_the_specification_writes_them(text: str, amount_minor: int) -> None:
    assert MerchantCode.read(changed("54", text)).amount_minor == amount_minor


def test_a_currency_without_small_units_has_amounts_without_decimals() -> None:
    yen = changed("53", "392")
    assert MerchantCode.read(changed("54", "500", yen)).amount_minor == 500
    with refused("qr_amount_malformed"):
        MerchantCode.read(changed("54", "500.5", yen))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "qr_not_merchant_presented"),
        ("https://example.org/pay", "qr_not_merchant_presented"),
        ("000202", "qr_not_merchant_presented"),
        ("000201", "qr_truncated"),
        ("0002016304", "qr_truncated"),
        (sealed("000201"), "qr_mandatory_field_missing"),
        (sealed(ANNEX[:-8] + "5914BEST TRANSPORT"), "qr_field_repeated"),
        (sealed(ANNEX[:-8] + "6304ABCD"), "qr_malformed"),
        (sealed(ANNEX[:-8] + "5"), "qr_truncated"),
        (sealed(ANNEX[:-8] + "A101B"), "qr_malformed"),
        (sealed(ANNEX[:-8] + "8000"), "qr_malformed"),
        (sealed(ANNEX[:-8] + "".join(f"{tag}99{'x' * 99}" for tag in range(81, 85))), "qr_too_long"),
        (ANNEX[:-8] + "8001\ud800" + "6304ABCD", "qr_malformed"),
        ("000201" + "9" * 100_000, "qr_too_long"),
    ],
)
def test_what_is_no_payment_code_is_refused(text: str, code: str) -> None:
    with refused(code):
        MerchantCode.read(text)


PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)
ANY = st.characters(
    codec="utf-8",
    exclude_categories=["Cc", "Zl", "Zp"],
    exclude_characters="\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069",
)


@st.composite
def shopfronts(draw: Callable[..., str]) -> Shopfront:
    has_local = draw(st.booleans())
    return Shopfront(
        name=draw(st.text(PRINTABLE, min_size=1, max_size=25)),
        city=draw(st.text(PRINTABLE, min_size=1, max_size=15)),
        country=draw(st.sampled_from(["CN", "BR", "TH"])),
        category_code=draw(st.from_regex("[0-9]{4}", fullmatch=True)),
        language="ZH" if has_local else None,
        local_name=draw(st.text(ANY, min_size=1, max_size=25)) if has_local else None,
        local_city=draw(st.none() | st.text(ANY, min_size=1, max_size=15)) if has_local else None,
    )


@given(
    shopfronts(),
    st.sampled_from(["CNY", "JPY", "KWD"]),
    st.none() | st.integers(1, 10**9),
    st.booleans(),
    st.text(PRINTABLE, min_size=1, max_size=25),
)
def test_what_is_written_into_a_code_is_read_from_it(
    shopfront: Shopfront, currency: str, amount_minor: int | None, dynamic: bool, label: str
) -> None:
    bill = (DataObject(fields.BILL_NUMBER, label), DataObject(fields.PURPOSE, label))
    made = merchant_code(ACCOUNT, shopfront, currency, amount_minor, dynamic=dynamic, additional=bill)
    read = MerchantCode.read(made.text())
    assert read == made
    assert (read.shopfront, read.currency, read.amount_minor) == (shopfront, currency, amount_minor)
    assert read.is_dynamic == dynamic
    assert read.account("org.example") == dict(ACCOUNT)
    assert read.additional == dict(bill)


def test_written_fields_stand_in_the_order_of_their_tags_and_the_check_sum_is_last() -> None:
    text = merchant_code(ACCOUNT, TEA_HOUSE, "CNY", 1_230, dynamic=True).text()
    assert text.startswith(
        "00020101021226250011org.example0106shop-1520458125303156540512.305802CN5909TEA HOUSE"
    )
    assert text[-8:-4] == "6304"
    assert len(text) < PAYLOAD_LENGTH_MAX


@pytest.mark.parametrize(
    ("shopfront", "code"),
    [
        (Shopfront("", "TURPAN", "CN", "5812"), "qr_mandatory_field_missing"),
        (Shopfront("茶馆", "TURPAN", "CN", "5812"), "qr_field_malformed"),
        (Shopfront("TEA", "TURPAN", "CN", "5812", "ZH"), "qr_mandatory_field_missing"),
        (Shopfront("TEA", "TURPAN", "CN", "5812", None, "茶馆"), "qr_mandatory_field_missing"),
        (Shopfront("TEA", "TURPAN", "CN", "5812", "ZH", "茶" * 26), "qr_too_long"),
        (Shopfront("TEA", "TURPAN", "CN", "581"), "qr_field_malformed"),
    ],
)
def test_a_code_that_nobody_could_read_is_not_written(shopfront: Shopfront, code: str) -> None:
    with refused(code):
        merchant_code(ACCOUNT, shopfront, "CNY", None, dynamic=False)


def test_an_amount_of_more_than_13_characters_does_not_fit_into_a_code() -> None:
    with refused("qr_too_long"):
        merchant_code(ACCOUNT, TEA_HOUSE, "CNY", 10**13, dynamic=True)

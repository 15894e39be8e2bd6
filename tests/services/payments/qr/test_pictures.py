"""What is drawn is read back, by another maker's reader."""

import xml.etree.ElementTree as ElementTree

import pytest

from karez.services.payments.qr.emv import PAYLOAD_LENGTH_MAX
from karez.services.payments.qr.pictures import BORDER_MODULES, as_png, as_svg
from tests.services.payments.qr.payloads import GOOD, SHOWN_BY_A_PAYER
from tests.services.payments.qr.reading_pictures import pixels_of_png, pixels_of_svg, text_in

TEXTS = {
    **GOOD,
    "a payer's code": "281234567890123456",
    "another scheme's": SHOWN_BY_A_PAYER,
    "the longest": "9" * PAYLOAD_LENGTH_MAX,
    "Chinese only": "坎儿井茶馆",
}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS.keys())
def test_a_drawn_code_says_what_it_should(text: str) -> None:
    assert text_in(pixels_of_png(as_png(text))) == text
    assert text_in(pixels_of_svg(as_svg(text, "Pay"))) == text


def test_a_code_is_read_from_a_picture_that_is_a_tenth_covered() -> None:
    text = GOOD["go-emv"]
    pixels = pixels_of_png(as_png(text))
    side = len(pixels)
    pixels[side // 2 : side // 2 + side // 8, side // 2 : side // 2 + side // 8] = 255
    assert text_in(pixels) == text


def test_a_picture_has_a_quiet_zone_on_all_sides() -> None:
    pixels = pixels_of_png(as_png("28", module_pixels=3))
    zone = BORDER_MODULES * 3
    assert (pixels[:zone] == 255).all()
    assert (pixels[-zone:] == 255).all()
    assert (pixels[:, :zone] == 255).all()
    assert (pixels[:, -zone:] == 255).all()
    assert pixels[zone, zone] == 0


def test_a_drawing_for_a_page_tells_what_it_is_and_keeps_markup_out() -> None:
    root = ElementTree.fromstring(as_svg("28", 'Pay <Tea & "Co"> 茶馆'))
    assert root.findtext("{http://www.w3.org/2000/svg}title") == 'Pay <Tea & "Co"> 茶馆'
    assert "style" not in root.attrib


def test_what_is_longer_than_any_payment_code_is_not_drawn() -> None:
    with pytest.raises(ValueError, match="512"):
        as_svg("9" * (PAYLOAD_LENGTH_MAX + 1), "Pay")

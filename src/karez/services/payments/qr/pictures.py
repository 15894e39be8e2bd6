"""Drawing codes.

Drawn with error correction level M (15 % of the picture may be unreadable), the usual one for payment codes.
"""

import io

import segno

from karez.services.payments.qr.emv import PAYLOAD_LENGTH_MAX

BORDER_MODULES = 4
"""The quiet zone that a reader needs. Source: ISO/IEC 18004:2015, section 6.3.8."""


def as_svg(text: str, title: str) -> str:
    """Draw a QR code as an SVG element that can stand in a page or a file of its own.

    Args:
        text: What it says, at most 512 characters.
        title: What it is, for those who cannot see it.
    """
    out = io.BytesIO()
    _drawn(text).save(
        out, kind="svg", border=BORDER_MODULES, xmldecl=False, omitsize=True, title=title, light="white"
    )
    return out.getvalue().decode()


def as_png(text: str, module_pixels: int = 8) -> bytes:
    """Draw a QR code as a PNG file.

    Args:
        text: What it says, at most 512 characters.
        module_pixels: Width of the smallest square.
    """
    out = io.BytesIO()
    _drawn(text).save(out, kind="png", scale=module_pixels, border=BORDER_MODULES)
    return out.getvalue()


def _drawn(text: str) -> segno.QRCode:
    if len(text) > PAYLOAD_LENGTH_MAX:
        raise ValueError(f"a payment code has at most {PAYLOAD_LENGTH_MAX} characters")
    # Digits are packed as digits; whatever is more than ASCII is written as UTF-8, which EMVCo asks for.
    return segno.make_qr(text, error="m", boost_error=False, encoding=None if text.isascii() else "utf-8")

"""From a picture's bytes to its pixels, and from pixels to the text of the code in them."""

import re
import struct
import xml.etree.ElementTree as ElementTree
import zlib

import numpy as np
import zxingcpp
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]

_WHITE = 255
_AS_IT_IS, _DIFFERENCE_TO_ROW_ABOVE = 0, 2
_SVG = "{http://www.w3.org/2000/svg}"


def pixels_of_png(png: bytes) -> Pixels:
    """Open a PNG file of one bit a pixel, 0 being black."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    chunks: dict[bytes, bytes] = {}
    place = 8
    while place < len(png):
        size, kind = struct.unpack_from(">I4s", png, place)
        chunks[kind] = chunks.get(kind, b"") + png[place + 8 : place + 8 + size]
        place += 12 + size
    width, height, bits, colour_kind = struct.unpack_from(">IIBB", chunks[b"IHDR"])
    assert (bits, colour_kind) == (1, 0)
    rows = np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, -1)
    lines = np.zeros((height, rows.shape[1] - 1), np.uint8)
    for number, (filter_kind, *content) in enumerate(rows.tolist()):
        assert filter_kind in (_AS_IT_IS, _DIFFERENCE_TO_ROW_ABOVE)
        above = lines[number - 1] if filter_kind == _DIFFERENCE_TO_ROW_ABOVE else 0
        lines[number] = np.array(content, np.uint8) + above
    return np.unpackbits(lines, axis=1)[:, :width] * np.uint8(_WHITE)


def pixels_of_svg(svg: str, module_pixels: int = 4) -> Pixels:
    """Draw an SVG whose dark modules are horizontal strokes, one unit high."""
    root = ElementTree.fromstring(svg)
    assert root.tag == f"{_SVG}svg"
    side = int(root.attrib["viewBox"].split()[2])
    modules = np.full((side, side), _WHITE, np.uint8)
    (strokes,) = [path for path in root.iter(f"{_SVG}path") if "stroke" in path.attrib]
    x = y = 0.0
    for command, numbers in re.findall(r"([Mmh])([-0-9. ]+)", strokes.attrib["d"]):
        values = [float(number) for number in numbers.split()]
        if command == "h":
            modules[int(y), int(x) : int(x + values[0])] = 0
            x += values[0]
        else:
            x, y = (values[0], values[1]) if command == "M" else (x + values[0], y + values[1])
    return np.kron(modules, np.ones((module_pixels, module_pixels), np.uint8))


def text_in(pixels: Pixels) -> str:
    """Read the one QR code in a picture."""
    (found,) = zxingcpp.read_barcodes(np.ascontiguousarray(pixels))
    assert str(found.format) == "QR Code", found.format
    return found.text

"""Codes as pictures: which format, and how they are answered."""

from typing import Literal

import msgspec
from litestar import Response

from karez.channels.api.bodies import Query
from karez.channels.api.documentation import Answer
from karez.channels.api.replies import Reply, to_response
from karez.services.payments.qr.pictures import as_png, as_svg

PICTURE_ANSWER = Answer("The picture: `image/svg+xml` or `image/png`", str, media_type="image/*")


class PictureQuery(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """How a code is drawn.

    Attributes:
        format: `svg` for a page or for print, `png` for everything else.
    """

    format: Literal["svg", "png"] = "svg"


PICTURE_QUERY = Query(PictureQuery)


def picture_reply(text: str, title: str, query: PictureQuery) -> Response[bytes]:
    """Answer with the picture of a code.

    Args:
        text: What it says.
        title: What it is, for those who cannot see it.
        query: In which format.
    """
    if query.format == "png":
        return to_response(Reply(200, as_png(text), content_type=b"image/png"))
    return to_response(Reply(200, as_svg(text, title).encode(), content_type=b"image/svg+xml"))

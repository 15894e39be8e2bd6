"""Stylesheet, scripts and pictures, under addresses that tell their content, so that browsers keep them for good."""

import hashlib
from importlib.resources import files

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.params import FromPath

_TYPES = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
_ASSETS = {each.name: each.read_bytes() for each in (files(__package__) / "static").iterdir()}
_ADDRESSES = {
    name: f"/static/{hashlib.sha256(content).hexdigest()[:16]}/{name}" for name, content in _ASSETS.items()
}
_BY_ADDRESS = {address: name for name, address in _ADDRESSES.items()}


def asset(name: str) -> str:
    """Return the address of a file of ``static``."""
    return _ADDRESSES[name]


@get("/static/{digest:str}/{name:str}", opt={"open": True, "static": True})
async def read_asset(digest: FromPath[str], name: FromPath[str]) -> Response[bytes]:
    """Return a file; under an address that was made from another content there is nothing."""
    if f"/static/{digest}/{name}" not in _BY_ADDRESS:
        raise NotFoundException
    return Response(
        _ASSETS[name],
        media_type=_TYPES[name.rsplit(".", 1)[1]],
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )


HANDLERS = (read_asset,)

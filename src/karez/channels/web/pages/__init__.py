"""The pages, one file for each thing that they are about."""

from litestar.handlers import HTTPRouteHandler

from karez.channels.web import assets
from karez.channels.web.pages import account, getting_in, home, sending, start

HANDLERS: tuple[HTTPRouteHandler, ...] = (
    *assets.HANDLERS,
    *start.HANDLERS,
    *getting_in.HANDLERS,
    *home.HANDLERS,
    *sending.HANDLERS,
    *account.HANDLERS,
)

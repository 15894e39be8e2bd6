"""One web process: uvicorn on a socket that it has inherited, so that several of them share one address."""

import gc
import logging
import socket
from collections.abc import Callable

import uvicorn

from karez.channels.api.context import ApiContext
from karez.channels.api.library_log import LibraryLog
from karez.channels.front import make_app

_SHUTDOWN_LIMIT_S = 10
_KEEP_ALIVE_S = 75
_OBJECTS_PER_COLLECTION = 50_000
"""Requests under way are many objects that live on for a moment; to look through them often finds nothing."""


def run_web(listening_socket_fd: int, context: ApiContext, ready: Callable[[], None] = lambda: None) -> None:
    """Answer requests until SIGTERM or SIGINT; finish those that have begun, then end by that signal.

    Args:
        listening_socket_fd: Descriptor of a bound TCP or Unix socket.
        context: What the API stands on.
        ready: Called once requests are answered.
    """
    logging.basicConfig(handlers=[LibraryLog(context.write_log)])
    with socket.socket(fileno=listening_socket_fd) as listening:
        WebServer(context, ready).run(sockets=[listening])


class WebServer(uvicorn.Server):
    """uvicorn, configured for the API.

    Args:
        context: What the API stands on.
        ready: Called once requests are answered.
    """

    def __init__(self, context: ApiContext, ready: Callable[[], None] = lambda: None) -> None:
        super().__init__(
            uvicorn.Config(
                make_app(context),
                http="httptools",
                loop="uvloop",
                ws="none",
                lifespan="on",
                access_log=False,
                log_config=None,
                proxy_headers=False,
                server_header=False,
                timeout_keep_alive=_KEEP_ALIVE_S,
                timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
            )
        )
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to listen, then tell it."""
        await super().startup(sockets)
        # What is loaded now stays: the garbage collector need not look at it again at every turn.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_OBJECTS_PER_COLLECTION)
        if self.started:
            self._ready()

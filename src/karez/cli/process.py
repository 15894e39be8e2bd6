"""A process of Karez, seen from inside: it takes its role, says when it is ready, and ends with its parent."""

import asyncio
import os
import signal
import sys
import threading
import time
from io import BufferedReader
from pathlib import Path
from typing import NoReturn

import msgspec
import psycopg

from karez.cli import EXIT_NOT_DONE
from karez.cli.process_roles import BookkeeperRole, Message, Role, WebRole, WorkerRole
from karez.core.clock import SystemClock
from karez.core.outcomes import Unavailable
from karez.storage.database_errors import explain

_ORDERLY_END_LIMIT_S = 20.0


def play_role() -> None:
    """Read the role from the standard input and play it until told to stop."""
    pipe = os.fdopen(0, "rb")
    line = pipe.readline()
    if not line:
        sys.exit(EXIT_NOT_DONE)  # the parent died before it could say anything
    role = msgspec.json.decode(line, type=Role)
    threading.Thread(target=_end_with_parent, args=(pipe,), daemon=True).start()
    try:
        _play(role)
    except Unavailable as trouble:
        _fail(trouble)
    except psycopg.Error as error:
        _fail(explain(error))


def _play(role: Role) -> None:
    if isinstance(role, BookkeeperRole):
        from karez.ledger.service import serve

        asyncio.run(serve(role.database, Path(role.socket), SystemClock(), _say_ready))
    elif isinstance(role, WorkerRole):
        from karez.cli.background import work_in_background

        work_in_background(role, SystemClock(), _say_ready)
    else:
        _serve_web(role)


def _serve_web(role: WebRole) -> None:
    from karez.channels.api.context import ApiContext
    from karez.channels.api.web_process import run_web
    from karez.ledger.client import BookClient

    context = ApiContext(
        book=BookClient(Path(role.bookkeeper_socket)),
        database_web=role.database,
        secret_key=role.secret_key,
        clock=SystemClock(),
        webhook_private_targets=role.webhook_private_targets,
    )
    run_web(role.listening_descriptor, context, _say_ready)


def _end_with_parent(pipe: BufferedReader) -> None:
    """Stop in order when the parent's end of the pipe closes, and at all costs a while later."""
    pipe.read()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(_ORDERLY_END_LIMIT_S)
    os._exit(EXIT_NOT_DONE)


def _say_ready() -> None:
    _say(Message(ready=True))


def _fail(trouble: Unavailable) -> NoReturn:
    """The parent tells a person why a process cannot start; one that fails later does so itself."""
    if os.path.sameopenfile(1, 2):
        sys.stderr.write(trouble.sentence + "\n")
    else:
        _say(Message(False, trouble.code, trouble.sentence))
    sys.exit(EXIT_NOT_DONE)


def _say(message: Message) -> None:
    """Say the one thing that the parent listens for; whatever is printed later goes to the standard error."""
    sys.stdout.write(msgspec.json.encode(message).decode() + "\n")
    sys.stdout.flush()
    os.dup2(2, 1)

"""``karez up``: the database, the bookkeeper, the worker and the web processes, until told to stop."""

import asyncio
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from karez import __version__
from karez.cli.first_start import first_operator_token
from karez.cli.output import screen
from karez.cli.process_roles import BookkeeperRole, WebRole, WorkerRole
from karez.cli.processes import ChildProcess
from karez.cli.run_directory import RunDirectory
from karez.cli.supervision import Ending, supervise
from karez.core.clock import Clock
from karez.core.config import Settings
from karez.core.outcomes import Unavailable
from karez.parties.tokens import Token
from karez.storage.database import Database, connect, open_database

_BACKLOG = 4_096
_STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)


class Stopped(BaseException):
    """A signal to stop arrived while Karez was starting."""


def run(settings: Settings, web_processes: int, clock: Clock) -> None:
    """Start everything, keep it running, and stop it in order on SIGTERM or SIGINT.

    Args:
        settings: Which data, which database, which address.
        web_processes: How many processes answer requests.
        clock: Tells the moment of the first start.

    Raises:
        Unavailable: Something cannot start.
    """
    run_directory = RunDirectory(settings.data_dir)
    screen.print(f"Karez {__version__} on {settings.data_dir}", markup=False)
    try:
        _on_stop_signals(_raise_stopped)
        with run_directory.held(), _listening(settings) as listener:
            ending = None
            while ending is not Ending.STOPPED:
                ending = _run_once(settings, web_processes, clock, run_directory, listener)
    except Stopped:
        pass
    screen.print("Karez has stopped; everything that was acknowledged is on disk.")


def _run_once(
    settings: Settings,
    web_processes: int,
    clock: Clock,
    run_directory: RunDirectory,
    listener: socket.socket,
) -> Ending:
    started_s = time.monotonic()
    with open_database(settings) as database:
        _say(f"database ready after {time.monotonic() - started_s:.1f} s")
        address = "http://{}:{}".format(*_named(listener))

        def on_ready() -> None:
            run_directory.publish(address)
            screen.print(f"Ready after {time.monotonic() - started_s:.1f} s at {address}", markup=False)
            _show_next_steps(address, first_operator_token(database, clock.now_ns()))

        stages = _stages(settings, database, run_directory, listener, web_processes)
        is_embedded = settings.database_url is None
        ending = asyncio.run(_supervise_until_signal(stages, database, is_embedded, on_ready))
        _on_stop_signals(signal.SIG_IGN if ending is Ending.STOPPED else _raise_stopped)
        if ending is Ending.DATABASE_LOST:
            _say("the database is gone; it is opened again")
        return ending


def _stages(
    settings: Settings,
    database: Database,
    run_directory: RunDirectory,
    listener: socket.socket,
    web_processes: int,
) -> list[list[ChildProcess]]:
    book_socket = str(run_directory.bookkeeper_socket)
    key, private = database.secret_key, settings.webhook_private_targets
    web_role = WebRole(database.web, book_socket, key, listener.fileno(), private)
    return [
        [ChildProcess("bookkeeper", BookkeeperRole(database.book, book_socket))],
        [
            ChildProcess("worker", WorkerRole(database.worker, book_socket, key, private)),
            *(
                ChildProcess(f"web {number}", web_role, [listener.fileno()])
                for number in range(1, web_processes + 1)
            ),
        ],
    ]


async def _supervise_until_signal(
    stages: list[list[ChildProcess]], database: Database, is_embedded: bool, on_ready: Callable[[], None]
) -> Ending:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()

    def on_signal() -> None:
        if not stop.is_set():
            _say("stopping")
        stop.set()

    for number in _STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal)

    def database_is_lost() -> bool:
        """A real server comes back by itself; the embedded one has to be opened again."""
        return is_embedded and not _answers(database)

    return await supervise(stages, stop, database_is_lost, on_ready, _say)


def _answers(database: Database) -> bool:
    try:
        connect(database.worker).close()
    except Unavailable as trouble:
        return trouble.code != "database_gone"
    return True


def _raise_stopped(_number: int, _frame: object) -> None:
    """End a start in order; a second signal must not disturb that."""
    _on_stop_signals(signal.SIG_IGN)
    raise Stopped


def _on_stop_signals(handler: Callable[[int, object], None] | signal.Handlers) -> None:
    for number in _STOP_SIGNALS:
        signal.signal(number, handler)


@contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """Listen on the address of the settings; all web processes accept from this one socket."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise Unavailable(
                "address_not_usable",
                f"Karez cannot listen on {settings.host} port {settings.port} ({error.strerror or error}); end the"
                " program that uses it, or choose another one with --port or KAREZ_HOST.",
            ) from error
        listener.listen(_BACKLOG)
        yield listener


def _named(listener: socket.socket) -> tuple[str, int]:
    host, port = listener.getsockname()[:2]
    return (f"[{host}]" if ":" in host else host), port


def _show_next_steps(address: str, token: Token | None) -> None:
    if token is not None:
        screen.print(f"The operator's token, shown only this once: {token}", markup=False)
        screen.print(
            "Keep it safe: whoever has it may do everything. karez credentials issue makes another one."
        )
    screen.print(f"Next: open {address} in a browser; {address}/docs is the API.", markup=False)
    screen.print("karez check proves the book.")
    screen.print("Stop with Ctrl-C or SIGTERM.")


def _say(sentence: str) -> None:
    screen.print(f"  {sentence}", markup=False)

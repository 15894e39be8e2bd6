"""What commands show: JSON for programs on the standard output, progress for people on the standard error."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

screen = Console(highlight=False, soft_wrap=True)
"""The standard output."""

notices = Console(stderr=True, highlight=False, soft_wrap=True)
"""The standard error."""


def print_json(value: object) -> None:
    """Write one JSON object as one line to the standard output."""
    sys.stdout.write(msgspec.json.encode(value).decode() + "\n")
    sys.stdout.flush()


@contextmanager
def progress_bar(description: str, total: int) -> Iterator[Callable[[int], None]]:
    """Show a bar while something long is done, if anybody is looking.

    Args:
        description: What is being done.
        total: How much there is to do.

    Returns:
        What to call with how much is done so far.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeElapsedColumn())
    with Progress(*columns, console=notices, disable=not notices.is_terminal) as progress:
        task = progress.add_task(description, total=total)
        yield lambda done: progress.update(task, completed=done)


@contextmanager
def reading_bar(path: Path) -> Iterator[Callable[[int], None]]:
    """Show a bar while a file is read; call what is yielded with the bytes read so far."""
    try:
        size_bytes = path.stat().st_size
    except OSError:
        size_bytes = 0  # whoever reads the file says what is wrong with it
    with progress_bar(f"Reading {path.name}", size_bytes) as advance:
        yield advance


def waiting(description: str) -> AbstractContextManager[object]:
    """Show that something is being done, if anybody is looking; for what has no measure.

    Args:
        description: What is being done.
    """
    return notices.status(description) if notices.is_terminal else nullcontext()

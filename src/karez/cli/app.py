"""All commands in one place; each one loads what it needs only when it is called."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="karez",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Karez: one book for many institutions, people and shops.\n\n"
    "Start with [bold]karez up[/bold]. Everything is kept in the directory KAREZ_DATA_DIR (by default"
    " ~/.local/share/karez), or on the PostgreSQL server that KAREZ_DATABASE_URL names.",
)

ledger = typer.Typer(no_args_is_help=True, help="Prove the rules of the ledger.")
app.add_typer(ledger, name="ledger")

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for a program to read.")]


@ledger.command("replay")
def ledger_replay(
    file: Annotated[Path, typer.Argument(help="Recording in JSON lines, plain or compressed with gzip.")],
    json: Json = False,
) -> None:
    """Replay a recording of another ledger's answers and compare each of them.

    Nothing is stored. The exit code is 1 if an answer differs, 2 if the file cannot be read.
    """
    from karez.cli.recordings.command import replay

    raise typer.Exit(0 if replay(file, json) else 1)

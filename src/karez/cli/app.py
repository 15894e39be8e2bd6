"""All commands in one place; each one loads what it needs only when it is called."""

from pathlib import Path
from typing import Annotated
from uuid import UUID

import typer

from karez.cli import EXIT_DISAGREES

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

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object for a program to read.")]


@app.command()
def up(
    workers: Annotated[
        int | None, typer.Option(min=1, max=64, help="Web processes; by default one for each processor core.")
    ] = None,
    port: Annotated[
        int | None,
        typer.Option(min=0, max=65_535, help="TCP port instead of KAREZ_PORT; 0 takes a free one."),
    ] = None,
) -> None:
    """Start Karez here and keep it running: database, bookkeeper, worker and web processes.

    The first start makes the database and shows the operator's token. Ctrl-C or SIGTERM stops everything in order;
    what was acknowledged survives any other end too.
    """
    import os
    from dataclasses import replace

    from karez.cli.up import run
    from karez.core.clock import SystemClock
    from karez.core.config import settings_from_environment

    settings = settings_from_environment()
    if port is not None:
        settings = replace(settings, port=port)
    run(settings, workers or os.cpu_count() or 1, SystemClock())


@app.command()
def check(json: Json = False) -> None:
    """Prove from the database alone that every invariant of the book holds, while Karez runs or not.

    The exit code is 1 if one does not hold.
    """
    from karez.cli.check import check
    from karez.core.config import settings_from_environment

    raise typer.Exit(0 if check(settings_from_environment(), json) else EXIT_DISAGREES)


ledger = typer.Typer(no_args_is_help=True, help="Prove the rules of the ledger.")
app.add_typer(ledger, name="ledger")


@ledger.command("replay")
def ledger_replay(
    file: Annotated[Path, typer.Argument(help="Recording in JSON lines, plain or compressed with gzip.")],
    json: Json = False,
) -> None:
    """Replay a recording of another ledger's answers and compare each of them.

    Nothing is stored. The exit code is 1 if an answer differs, 2 if the file cannot be read.
    """
    from karez.cli.recordings.command import replay

    raise typer.Exit(0 if replay(file, json) else EXIT_DISAGREES)


replay = typer.Typer(no_args_is_help=True, help="Carry out a real bank's years on this book.")
app.add_typer(replay, name="replay")


@replay.command("berka")
def replay_berka(
    paths: Annotated[list[Path], typer.Argument(help="Files trans*.asc or trans*.csv, or their directory.")],
    json: Json = False,
) -> None:
    """Book the transactions of the Czech bank of the PKDD'99 data and compare every balance with the bank's.

    A second run finds everything booked and changes nothing. The exit code is 1 if a balance differs for another
    reason than that the file is cut, 2 if a file cannot be read; nothing is booked then.
    """
    from karez.cli.berka.command import replay

    raise typer.Exit(0 if replay(paths, json) else EXIT_DISAGREES)


demo = typer.Typer(no_args_is_help=True, help="Watch Karez at work.")
app.add_typer(demo, name="demo")


@demo.command("payments")
def demo_payments(
    days: Annotated[int, typer.Option(min=1, max=90, help="How many days the town lives.")] = 30,
    pace: Annotated[float, typer.Option(min=0, max=60, help="Seconds that a day takes at least.")] = 0.5,
    json: Json = False,
) -> None:
    """Let a small town pay, ship, refund and settle for a simulated month on an empty book, then check everything."""
    from karez.cli.demo.command import demo
    from karez.core.config import settings_from_environment

    raise typer.Exit(0 if demo(settings_from_environment(), days, pace, json) else EXIT_DISAGREES)


@app.command("process", hidden=True)
def process(name: Annotated[str, typer.Argument()]) -> None:
    """Be one process of a running Karez; only [bold]karez up[/bold] starts this."""
    from karez.cli.process import play_role

    del name  # it is there for those who look at the list of processes
    play_role()


credentials = typer.Typer(no_args_is_help=True, help="Give out API tokens and take them back.")
app.add_typer(credentials, name="credentials")

Institution = Annotated[str, typer.Option(help="Short name of the institution.")]


@credentials.command("issue")
def credentials_issue(
    label: Annotated[str, typer.Argument(help="What it is for.")] = "issued at the shell",
    institution: Institution = "operator",
    scope: Annotated[
        list[str] | None,
        typer.Option(help="What it may do, like ledger:read; may be repeated. Default: everything."),
    ] = None,
    days: Annotated[int, typer.Option(min=1, max=3_650, help="How long it works.")] = 365,
    staff: Annotated[
        str | None,
        typer.Option(
            help="Login name of the member of staff who gets it. Default: nobody, it is a program's."
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Make a token and show it once; Karez keeps only what is needed to recognise it."""
    from karez.cli.credential_commands import issue

    issue(institution, scope or [], label, days, staff, json)


@credentials.command("list")
def credentials_list(institution: Institution = "operator", json: Json = False) -> None:
    """Show the credentials of an institution, without their tokens."""
    from karez.cli.credential_commands import show

    show(institution, json)


@credentials.command("revoke")
def credentials_revoke(
    credential: Annotated[UUID, typer.Argument(help="Its id, as karez credentials list shows it.")],
) -> None:
    """End a token at once and for good."""
    from karez.cli.credential_commands import revoke

    revoke(credential)


bench = typer.Typer(no_args_is_help=True, help="Measure this machine.")
app.add_typer(bench, name="bench")

Rounds = Annotated[int, typer.Option(min=1, max=1_000, help="Rounds; the figures are medians over them.")]


@bench.command("ledger")
def bench_ledger(rounds: Rounds = 3, json: Json = False) -> None:
    """Measure the book against plain COPY of the same rows and against row locks, in alternating rounds."""
    from karez.bench.ledger import run
    from karez.cli.bench_command import bench

    bench("The book", lambda progress: run(rounds=rounds, progress=progress), json)


@bench.command("http")
def bench_http(rounds: Rounds = 3, json: Json = False) -> None:
    """Measure durable transfers over HTTP against a handler with one transaction each."""
    from karez.bench.transfers_http import run
    from karez.cli.bench_command import bench

    bench("Transfers over HTTP", lambda progress: run(rounds=rounds, progress=progress), json)

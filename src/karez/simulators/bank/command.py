"""The command that runs the bank."""

import os
from pathlib import Path
from typing import Annotated

import typer

from karez.core.clock import SystemClock
from karez.core.outcomes import Rejected
from karez.simulators.bank.behaviours import read_mix
from karez.simulators.bank.serving import serve_bank

SECRET_VARIABLE = "KAREZ_BANK_SECRET"  # noqa: S105 - the name of a variable
_DEMONSTRATION_SECRET = "the simulator bank's secret"  # noqa: S105 - known to everybody


def simulate_bank(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="TCP port; 0 takes a free one.")] = 0,
    file: Annotated[
        Path | None, typer.Option(help="Where it remembers; without it all is gone in the end.")
    ] = None,
    customers: Annotated[int, typer.Option(min=0, max=100_000, help="How many customers it has.")] = 0,
    currency: Annotated[str, typer.Option(help="Of their accounts.")] = "CNY",
    seed: Annotated[int, typer.Option(help="The same seed misbehaves towards the same orders.")] = 0,
    mix: Annotated[str, typer.Option(help="Such as time_out_after=0.02,decline=0.01.")] = "",
) -> None:
    """Be a bank on this machine that can misbehave, until Ctrl-C or SIGTERM.

    Karez signs with the secret in KAREZ_BANK_SECRET; without it a secret is used that everybody knows.
    """
    try:
        shares = read_mix(seed, mix)
    except Rejected as rejection:
        raise typer.BadParameter(rejection.sentence) from None
    serve_bank(
        os.environ.get(SECRET_VARIABLE) or _DEMONSTRATION_SECRET,
        SystemClock(),
        lambda address: typer.echo(address),
        port=port,
        file=file,
        mix=shares,
        customer_count=customers,
        currency=currency,
    )

"""``python -m karez.simulators.bank``: the bank as a process, which prints its address when it is ready."""

import typer

from karez.simulators.bank.command import simulate_bank

if __name__ == "__main__":
    typer.run(simulate_bank)

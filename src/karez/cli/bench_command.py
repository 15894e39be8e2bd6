"""``karez bench``: the benchmarks, with their progress and their figures on the screen."""

from collections.abc import Callable, Iterator, Mapping

from rich.table import Table

from karez.cli.output import notices, print_json, screen

Progress = Callable[[str], None]


def bench(title: str, run: Callable[[Progress], Mapping[str, object]], as_json: bool) -> None:
    """Run one benchmark and show its figures.

    Args:
        title: What is measured.
        run: Measures; it is given what to tell about its progress.
        as_json: Whether a program reads the result.
    """
    figures = run(lambda step: notices.print(step, markup=False))
    if as_json:
        print_json(figures)
        return
    table = Table(title=title, title_justify="left")
    table.add_column("Figure")
    table.add_column("Value", justify="right")
    for name, value in _flat(figures):
        table.add_row(name, f"{value:,.2f}" if isinstance(value, float) else str(value))
    screen.print(table)
    screen.print("Compare figures of one run only; ratios hold from machine to machine, rates do not.")


def _flat(figures: Mapping[str, object], prefix: str = "") -> Iterator[tuple[str, object]]:
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name} ")
        else:
            yield f"{prefix}{name}", value

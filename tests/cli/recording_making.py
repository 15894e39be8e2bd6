"""Short ways to write recordings of what a ledger with these rules must answer."""

import json
from pathlib import Path


class Recording:
    """Collects the lines of a recording."""

    def __init__(self) -> None:
        self.lines: list[dict[str, object]] = []

    def world(self, *accounts: tuple[int, int, list[str]]) -> "Recording":
        """Begin a world with accounts: id, ledger, flags."""
        self.lines.append(
            {"accounts": [{"id": id_, "ledger": ledger, "flags": flags} for id_, ledger, flags in accounts]}
        )
        return self

    def batch(self, *events: tuple[dict[str, object], str]) -> "Recording":
        """Add a batch of events, each with its status."""
        self.lines.append(
            {"batch": [event for event, _ in events], "status": [status for _, status in events]}
        )
        return self

    def balances(self, **totals: list[int]) -> "Recording":
        """Add totals by account, written ``a1=[...]``."""
        self.lines.append({"balances": {name.removeprefix("a"): each for name, each in totals.items()}})
        return self

    def text(self) -> str:
        return "".join(json.dumps(line) + "\n" for line in self.lines)

    def write(self, path: Path) -> Path:
        path.write_text(self.text())
        return path


def move(
    id_: int | None, debit: int | None, credit: int | None, amount: int, *flags: str, **more: object
) -> dict[str, object]:
    """A transfer."""
    return {
        "id": id_,
        "debit": debit,
        "credit": credit,
        "amount": amount,
        "pending": None,
        "flags": list(flags),
        **more,
    }


def settle(id_: int, pending: int | None, amount: int, *flags: str, **more: object) -> dict[str, object]:
    """A post or void."""
    return move(id_, None, None, amount, *flags, **{"pending": pending, **more})

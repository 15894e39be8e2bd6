"""Charts as SVG, drawn on the server; colours come from the stylesheet, and a table says the same in words."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 380, 150
_TOP, _BOTTOM, _LEFT = 8, 26, 16
_GAP_SHARE = 0.35
_LABELS_MAX = 5


@dataclass(frozen=True)
class Bar:
    """One bar with its place.

    Attributes:
        label: Under it, or nothing where labels would touch.
        title: What it stands for, in words.
    """

    label: str
    title: str
    x: float
    y: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Return the middle of the bar."""
        return round(self.x + self.width / 2, 1)


def bars(values: Sequence[tuple[str, str, int]]) -> list[Bar]:
    """Place one bar for each value; the highest one fills the height.

    Args:
        values: Label, title and height of each, none below zero.
    """
    if not values:
        return []
    highest = max(1, *(value for _, _, value in values))
    step = (WIDTH - 2 * _LEFT) / len(values)
    every = -(-len(values) // _LABELS_MAX)
    room = HEIGHT - _TOP - _BOTTOM
    placed = []
    for number, (label, title, value) in enumerate(values):
        height = round(room * value / highest, 1)
        placed.append(
            Bar(
                label if (len(values) - 1 - number) % every == 0 else "",
                title,
                round(_LEFT + number * step + step * _GAP_SHARE / 2, 1),
                round(_TOP + room - height, 1),
                round(step * (1 - _GAP_SHARE), 1),
                height,
            )
        )
    return placed

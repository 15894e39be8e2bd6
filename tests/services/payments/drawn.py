"""What the guide draws, to be held against the tables in the code."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

GUIDE = Path(__file__).parents[3] / "docs" / "payments.md"

_ARROW = re.compile(r"^ +(\w+) --> (\w+): (.+)$", re.MULTILINE)

Arrow = tuple[str, str, str]
Word = TypeVar("Word", bound=str)
Place = TypeVar("Place", bound=str)


def arrows_of_guide(heading: str) -> list[Arrow]:
    """Return the arrows of the diagram under a heading, one for each word on them."""
    section = GUIDE.read_text().split(f"## {heading}\n", 1)[1].split("\n## ", 1)[0]
    diagram = section.split("```mermaid", 1)[1].split("```", 1)[0]
    return [(start, end, word) for start, end, words in _ARROW.findall(diagram) for word in words.split(", ")]


def arrows_of_table(table: Mapping[Word, Mapping[Place, Place]]) -> list[Arrow]:
    """Return the arrows of a table: for each word, from which state it leads to which."""
    return [(start, end, word) for word, ways in table.items() for start, end in ways.items()]

"""The states of a trade are one table, and the guide draws exactly this table."""

import re
from pathlib import Path

import pytest

from karez.core.outcomes import Rejected
from karez.services.payments.trades.states import TRANSITIONS, Action, State, check_action, reached

GUIDE = Path(__file__).parents[4] / "docs" / "payments.md"
ARROW = re.compile(r"^ +(\w+) --> (\w+): (.+)$", re.MULTILINE)

Arrow = tuple[str, str, str]


def arrows_of_the_table() -> set[Arrow]:
    return {
        (start, end, action)
        for action, ways in TRANSITIONS.items()
        for start, ends in ways.items()
        for end in ends
    }


def arrows_of_the_guide() -> list[Arrow]:
    section = GUIDE.read_text().split("## States of a trade", 1)[1].split("\n## ", 1)[0]
    diagram = section.split("```mermaid", 1)[1].split("```", 1)[0]
    return [
        (start, end, action)
        for start, end, actions in ARROW.findall(diagram)
        for action in actions.split(", ")
    ]


def test_the_diagram_in_the_guide_is_the_table() -> None:
    drawn = arrows_of_the_guide()
    assert len(drawn) == len(set(drawn))
    assert set(drawn) == arrows_of_the_table()


def test_every_action_and_every_state_is_in_the_table() -> None:
    assert set(TRANSITIONS) == set(Action)
    reachable = {State.CREATED, *(State(end) for _, end, _ in arrows_of_the_table())}
    assert reachable == set(State)


def test_what_the_table_does_not_know_is_refused_with_the_state() -> None:
    with pytest.raises(Rejected, match="it has not been paid yet") as refusal:
        check_action(State.CREATED, Action.SHIP)
    assert refusal.value.code == "trade_state_wrong"
    assert refusal.value.facts == {"state": "created"}


def test_an_action_leads_nowhere_but_where_the_table_says() -> None:
    with pytest.raises(AssertionError):
        reached(State.PAID, Action.SHIP, State.FINISHED)

"""What is told of a reason for which the API says no."""

from typing import NamedTuple


class ProblemKind(NamedTuple):
    """One reason.

    Attributes:
        status: HTTP status.
        meaning: What it means and what to do, for people.
    """

    status: int
    meaning: str

"""What a run has shown."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from tests.faults.verification import Violation


@dataclass(slots=True)
class Report:
    """What happened.

    Attributes:
        seed: Of the run's dice.
        violations: What was not as it must be; the run ends with the first verification that finds any.
        restart_s: For each fault and each time it was done, from the blow until all ways to the book were open.
        verification_s: How long each verification took.
        acknowledged: How many transfers and operations were made, and how many refused.
        troubles: Why requests had to be repeated, and how often.
        duration_s: Of the whole run.
        last_words: The end of the log of Karez, if there is a violation.
    """

    seed: int
    violations: list[Violation] = field(default_factory=list)
    restart_s: dict[str, list[float]] = field(default_factory=dict)
    verification_s: list[float] = field(default_factory=list)
    acknowledged: Counter[str] = field(default_factory=Counter)
    troubles: Counter[str] = field(default_factory=Counter)
    duration_s: float = 0.0
    last_words: list[str] = field(default_factory=list)

    @property
    def kill_count(self) -> int:
        """How often the system was hurt."""
        return sum(map(len, self.restart_s.values()))

    def figures(self) -> dict[str, object]:
        """Return the report for a program to read, without the single measurements."""
        restarts = [duration_s for durations_s in self.restart_s.values() for duration_s in durations_s]
        return {
            "seed": self.seed,
            "kills": self.kill_count,
            "violations": self.violations,
            "acknowledged": self.acknowledged,
            "restart_s": {"all": _spread(restarts)}
            | {fault: _spread(durations_s) for fault, durations_s in self.restart_s.items()},
            "verification_s": _spread(self.verification_s),
            "repeated_because_of": self.troubles,
            "duration_s": round(self.duration_s, 1),
            "last_words": self.last_words,
        }


def _spread(durations_s: Sequence[float]) -> dict[str, float]:
    if not durations_s:
        return {"count": 0}
    return {
        "count": len(durations_s),
        "median": round(median(durations_s), 2),
        "max": round(max(durations_s), 2),
    }

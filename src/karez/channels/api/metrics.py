"""Counts and durations of the requests that this process served, in Prometheus' text format.

The format: https://prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

import os
from bisect import bisect_left
from collections.abc import Mapping

_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

Route = tuple[str, str]
"""HTTP method and template of the address."""


class Metrics:
    """Figures of one web process."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str, int], int] = {}
        self._durations: dict[Route, list[int]] = {}
        self._seconds: dict[Route, float] = {}

    def count(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Take one request in."""
        answer = (method, route, status)
        self._answers[answer] = self._answers.get(answer, 0) + 1
        key = (method, route)
        counts = self._durations.get(key)
        if counts is None:
            counts = self._durations[key] = [0] * (len(_BOUNDS_S) + 1)
            self._seconds[key] = 0.0
        counts[bisect_left(_BOUNDS_S, duration_s)] += 1
        self._seconds[key] += duration_s

    def text(self, bookkeeper: Mapping[str, int] | None) -> str:
        """Return everything as text.

        Args:
            bookkeeper: The bookkeeper's figures; ``None`` if it does not answer.
        """
        process = f'process="{os.getpid()}"'
        lines = ["# TYPE karez_requests_total counter"]
        for (method, route, status), count in sorted(self._answers.items()):
            labels = f'{process},method="{method}",route="{route}",status="{status}"'
            lines.append(f"karez_requests_total{{{labels}}} {count}")
        lines.append("# TYPE karez_request_duration_seconds histogram")
        for route_ in sorted(self._durations):
            lines += self._histogram(route_, process)
        lines += ["# TYPE karez_bookkeeper_up gauge", f"karez_bookkeeper_up {int(bookkeeper is not None)}"]
        for name, value in sorted((bookkeeper or {}).items()):
            lines += [f"# TYPE karez_bookkeeper_{name} gauge", f"karez_bookkeeper_{name} {value}"]
        return "\n".join(lines) + "\n"

    def _histogram(self, route: Route, process: str) -> list[str]:
        labels = f'{process},method="{route[0]}",route="{route[1]}"'
        lines, below = [], 0
        for bound, count in zip((*_BOUNDS_S, "+Inf"), self._durations[route], strict=True):
            below += count
            lines.append(f'karez_request_duration_seconds_bucket{{{labels},le="{bound}"}} {below}')
        lines.append(f"karez_request_duration_seconds_sum{{{labels}}} {self._seconds[route]:.6f}")
        lines.append(f"karez_request_duration_seconds_count{{{labels}}} {below}")
        return lines

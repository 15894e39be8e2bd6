"""Counts and durations of the requests that this process served, in Prometheus' text format.

The format: https://prometheus.io/docs/instrumenting/exposition_formats, "Text-based format".
"""

import os
from bisect import bisect_left
from collections.abc import Mapping

_BOUNDS_S = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

Route = tuple[str, str]
"""HTTP method and template of the address."""


class _Figures:
    """The figures of one route."""

    __slots__ = ("answers", "counts", "seconds")

    def __init__(self) -> None:
        self.answers: dict[int, int] = {}
        self.counts = [0] * (len(_BOUNDS_S) + 1)
        self.seconds = 0.0


class Metrics:
    """Figures of one web process."""

    def __init__(self) -> None:
        self._routes: dict[Route, _Figures] = {}

    def count(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Take one request in."""
        figures = self._routes.get((method, route))
        if figures is None:
            figures = self._routes[method, route] = _Figures()
        figures.answers[status] = figures.answers.get(status, 0) + 1
        figures.counts[bisect_left(_BOUNDS_S, duration_s)] += 1
        figures.seconds += duration_s

    def text(self, bookkeeper: Mapping[str, int] | None) -> str:
        """Return everything as text.

        Args:
            bookkeeper: The bookkeeper's figures; ``None`` if it does not answer.
        """
        process = f'process="{os.getpid()}"'
        routes = sorted(self._routes.items())
        lines = ["# TYPE karez_requests_total counter"]
        for (method, route), figures in routes:
            for status, count in sorted(figures.answers.items()):
                labels = f'{process},method="{method}",route="{route}",status="{status}"'
                lines.append(f"karez_requests_total{{{labels}}} {count}")
        lines.append("# TYPE karez_request_duration_seconds histogram")
        for (method, route), figures in routes:
            lines += _histogram(figures, f'{process},method="{method}",route="{route}"')
        lines += ["# TYPE karez_bookkeeper_up gauge", f"karez_bookkeeper_up {int(bookkeeper is not None)}"]
        for name, value in sorted((bookkeeper or {}).items()):
            lines += [f"# TYPE karez_bookkeeper_{name} gauge", f"karez_bookkeeper_{name} {value}"]
        return "\n".join(lines) + "\n"


def _histogram(figures: _Figures, labels: str) -> list[str]:
    lines, below = [], 0
    for bound, count in zip((*_BOUNDS_S, "+Inf"), figures.counts, strict=True):
        below += count
        lines.append(f'karez_request_duration_seconds_bucket{{{labels},le="{bound}"}} {below}')
    lines.append(f"karez_request_duration_seconds_sum{{{labels}}} {figures.seconds:.6f}")
    lines.append(f"karez_request_duration_seconds_count{{{labels}}} {below}")
    return lines

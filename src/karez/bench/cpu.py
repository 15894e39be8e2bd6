"""CPU time of this process and of PostgreSQL backends: steadier than the clock on a shared machine."""

import time
from pathlib import Path


def own_cpu_s() -> float:
    """Return the CPU seconds that this process has used."""
    return time.process_time()


def process_cpu_s(pid: int) -> float:
    """Return the CPU seconds of another process, 0 where the system does not tell (not Linux)."""
    try:
        return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0]) / 1e9
    except (OSError, ValueError):
        return 0.0

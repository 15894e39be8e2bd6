"""Why a server program failed, from what it printed."""

import shutil
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import disk_full

# Less than one segment of the write-ahead log: PostgreSQL cannot start, and often cannot even say why.
_FREE_SPACE_NEEDED_SIZE_BYTES = 16 * 1024 * 1024
_FAILURE_WORDS = ("FATAL:", "PANIC:", "error:", "Error:")


def explain_output(code: str, deed: str, output: str, data_dir: Path) -> Unavailable:
    """Turn the output of a server program that failed into a refusal with a sentence.

    Args:
        code: The code to use unless the output tells of a full disk.
        deed: What the program was doing, to go on from "failed at".
        output: What it printed.
        data_dir: The data directory.
    """
    told = "No space left on device" in output or "Disk quota exceeded" in output
    if told or shutil.disk_usage(data_dir).free < _FREE_SPACE_NEEDED_SIZE_BYTES:
        return disk_full(f"the data directory {data_dir}")
    log = data_dir / "postgres.log"
    return Unavailable(
        code,
        f"PostgreSQL failed at {deed} in {data_dir} ({last_reason(output)}); {log} tells the whole story.",
    )


def last_reason(output: str) -> str:
    """Return the last line that tells of a failure, else the last line."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    failures = [line for line in lines if any(word in line for word in _FAILURE_WORDS)]
    return (failures or lines or ["it printed nothing"])[-1].rstrip(".")

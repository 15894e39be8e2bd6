"""Why the embedded server cannot work, from what it printed and what the operating system said."""

import errno
import shutil
from pathlib import Path

from karez.core.outcomes import Unavailable

DISK_FULL_RETRY_S = 60.0

# Less than one segment of the write-ahead log: PostgreSQL cannot start, and often cannot even say why.
_FREE_SPACE_NEEDED_SIZE_BYTES = 16 * 1024 * 1024
_FAILURE_WORDS = ("FATAL:", "PANIC:", "error:", "Error:")


def disk_full(place: str) -> Unavailable:
    """Return the refusal for a disk without free space.

    Args:
        place: What lies on the disk, for the sentence.
    """
    return Unavailable(
        "disk_full",
        f"The disk of {place} is full: nothing can be written, and nothing that was acknowledged is lost; "
        "free some space, then try again.",
        retry_after_s=DISK_FULL_RETRY_S,
    )


def explain_system_error(error: OSError, data_dir: Path) -> Unavailable:
    """Turn an error of the operating system at the data directory into a refusal with a sentence."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return disk_full(f"the data directory {data_dir}")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return Unavailable(
            "no_rights",
            f"Karez may not use {error.filename or data_dir} ({error.strerror}); give this user the right to "
            "read and write the data directory, or set KAREZ_DATA_DIR to a directory of its own.",
        )
    return Unavailable(
        "data_directory_unusable",
        f"The data directory {data_dir} cannot be used ({error}); repair it, or set KAREZ_DATA_DIR to "
        "another directory.",
    )


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

"""The data directory: files that only its owner may read, and what its disk may refuse."""

import errno
import os
from pathlib import Path

from karez.core.outcomes import Unavailable

DISK_FULL_RETRY_S = 60.0


def open_private(path: Path, flags: int) -> int:
    """Open a file of the data directory, making it with mode 0600 if it is missing.

    A file that root makes in somebody's data directory belongs to that somebody, who can go on without root.
    A link is not followed: root would write wherever the directory's owner lets it point.

    Args:
        path: The file; its directory exists.
        flags: What ``os.open`` takes, such as ``os.O_RDWR``.

    Returns:
        The file descriptor, which started programs do not inherit.
    """
    descriptor = os.open(path, flags | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.fchown(descriptor, owner.st_uid, owner.st_gid)
    return descriptor


def sync_directory(directory: Path) -> None:
    """Make a name that was given in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


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

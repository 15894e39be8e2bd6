"""Files in the data directory that only its owner may read."""

import os
from pathlib import Path


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

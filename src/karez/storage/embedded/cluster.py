"""The directory in which PostgreSQL keeps its databases, made once."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import open_private, sync_directory
from karez.storage.embedded.binaries import MAJOR_VERSION, VERSION, ServerPrograms
from karez.storage.embedded.failures import explain_output
from karez.storage.embedded.server_user import ServerDirectories, ServerUser, give_to, launch

OWNER_ROLE = "karez"

_INITDB_OPTIONS = (
    f"--username={OWNER_ROLE}",
    "--auth=scram-sha-256",
    "--data-checksums",
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
)


def make_cluster(cluster: Path, programs: ServerPrograms, user: ServerUser | None, password: str) -> None:
    """Make an empty cluster.

    It grows under another name and gets its own at the end, so that a first start that was cut off leaves
    nothing that looks like a database.

    Args:
        cluster: The directory to make; its parent is the data directory, held by this process.
        programs: PostgreSQL.
        user: The user that runs the server, or ``None`` for our own.
        password: The owner role's password.

    Raises:
        Unavailable: ``initdb_failed`` or ``disk_full``.
        OSError: The directory cannot be written.
    """
    data_dir = cluster.parent
    unfinished = cluster.with_name(f"{cluster.name}.unfinished")
    if unfinished.exists():
        shutil.rmtree(unfinished)
    unfinished.mkdir(mode=0o700)
    password_dir = Path(tempfile.mkdtemp(prefix=".password-", dir=data_dir))
    try:
        password_file = password_dir / "password"
        with os.fdopen(open_private(password_file, os.O_WRONLY), "w", encoding="ascii") as file:
            file.write(password + "\n")
        for path in (unfinished, password_dir, password_file):
            give_to(user, path)
        _run_initdb(unfinished, password_file, programs, user)
    finally:
        shutil.rmtree(password_dir)
    unfinished.rename(cluster)
    sync_directory(data_dir)


def _run_initdb(
    cluster: Path, password_file: Path, programs: ServerPrograms, user: ServerUser | None
) -> None:
    directories = ServerDirectories(user)
    try:
        command = [
            str(programs.initdb),
            *_INITDB_OPTIONS,
            f"--pwfile={directories.path_for_server(password_file.parent)}/{password_file.name}",
            f"--pgdata={directories.path_for_server(cluster)}",
        ]
        process = launch(command, user, directories, subprocess.PIPE, stop_with_parent=True)
    finally:
        directories.close()
    output, _ = process.communicate()
    if process.returncode != 0:
        data_dir = cluster.parent
        failure = explain_output(
            "initdb_failed", "making a new database", output.decode("utf-8", "replace"), data_dir
        )
        with os.fdopen(open_private(data_dir / "postgres.log", os.O_WRONLY | os.O_APPEND), "wb") as log:
            log.write(output)
        raise failure


def check_cluster(cluster: Path, user: ServerUser | None) -> None:
    """Refuse a cluster that this PostgreSQL or this user cannot run.

    Args:
        cluster: The existing directory.
        user: The user that runs the server, or ``None`` for our own.

    Raises:
        Unavailable: ``wrong_data_version`` or ``no_rights``.
    """
    owner_uid = cluster.stat().st_uid
    if owner_uid != (os.geteuid() if user is None else user.uid):
        raise Unavailable(
            "no_rights",
            f"The database in {cluster} belongs to the system user number {owner_uid}; start Karez as that "
            "user or as root, or set KAREZ_DATA_DIR to a directory of your own.",
        )
    version_file = cluster / "PG_VERSION"
    found = version_file.read_text("ascii").strip() if version_file.exists() else "of an unknown version"
    if found != str(MAJOR_VERSION):
        raise Unavailable(
            "wrong_data_version",
            f"The database in {cluster} was made by PostgreSQL {found}, and this Karez runs {VERSION}; dump "
            "it with the Karez that made it and restore it here, or set KAREZ_DATA_DIR to another directory.",
        )
    if not (cluster.parent / "postgres.password").exists():
        raise Unavailable(
            "password_missing",
            f"The file {cluster.parent / 'postgres.password'} is missing, and nothing else opens the "
            "database; put it back from a backup, or set KAREZ_DATA_DIR to another directory.",
        )

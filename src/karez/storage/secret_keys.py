"""The secrets that live in the data directory, and the passwords derived from them."""

import contextlib
import hashlib
import hmac
import os
import secrets
from pathlib import Path

from karez.core.outcomes import Unavailable
from karez.storage.data_directory import explain_system_error, open_private, sync_directory

SECRET_KEY_SIZE_BYTES = 32


def secret_from_file(path: Path) -> str:
    """Read a secret, or make it once: 256 random bits as 64 hexadecimal digits in a file only we may read.

    Args:
        path: The file; its directory exists.

    Raises:
        OSError: The file cannot be read or made.
    """
    if not path.exists():
        _make_secret(path)
    return path.read_text("ascii").strip()


def _make_secret(path: Path) -> None:
    unfinished = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(open_private(unfinished, os.O_WRONLY | os.O_TRUNC), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_KEY_SIZE_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
        # A link, unlike a rename, never replaces the secret that a racing process made.
        with contextlib.suppress(FileExistsError):
            os.link(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
    sync_directory(path.parent)


def secret_key(configured: str | None, data_dir: Path) -> bytes:
    """Return the root of all derived keys.

    Args:
        configured: The operator's own secret of at least 32 bytes, or ``None`` for the key file.
        data_dir: Directory of the key file ``secret.key``; both are made if they are needed and missing.

    Raises:
        Unavailable: ``secret_key_too_short``, ``no_rights``, ``disk_full``, ``data_directory_unusable``.
    """
    if configured is None:
        try:
            data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            configured = secret_from_file(data_dir / "secret.key")
        except OSError as error:
            raise explain_system_error(error, data_dir) from error
    key = configured.encode()
    if len(key) < SECRET_KEY_SIZE_BYTES:
        raise Unavailable(
            "secret_key_too_short",
            f"The secret key has {len(key)} bytes and needs {SECRET_KEY_SIZE_BYTES}; set KAREZ_SECRET_KEY to "
            "a longer random text, or unset it to let Karez make one in its data directory.",
        )
    return key


def role_password(key: bytes, role: str) -> str:
    """Derive the password of a login role: HMAC-SHA256 over its name, in hexadecimal."""
    return hmac.new(key, f"postgresql-role:{role}".encode(), hashlib.sha256).hexdigest()

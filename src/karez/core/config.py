"""What an operator may set, read once from the environment at the program's start."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from karez.core.outcomes import Unavailable


@dataclass(frozen=True, slots=True)
class Settings:
    """The configuration of one Karez.

    Attributes:
        data_dir: Directory for the embedded database, its socket, keys and logs.
        database_url: ``postgresql://`` address of a real server; ``None`` means the embedded one.
        secret_key: 32 bytes or more as text, the root of all derived keys; ``None`` means the key file in
            ``data_dir``, made at the first start.
        host: Address on which the web processes listen.
        port: Their TCP port.
        webhook_private_targets: Whether webhooks may go to any address and port, those of this machine and its
            neighbours too. For sandboxes and tests: whoever may register an endpoint reaches them then.
    """

    data_dir: Path
    database_url: str | None = field(default=None, repr=False)
    secret_key: str | None = field(default=None, repr=False)
    host: str = "127.0.0.1"
    port: int = 8420
    webhook_private_targets: bool = False


def settings_from_environment(environment: Mapping[str, str] = os.environ) -> Settings:
    """Read ``KAREZ_DATA_DIR``, ``KAREZ_DATABASE_URL``, ``KAREZ_SECRET_KEY``, ``KAREZ_HOST``, ``KAREZ_PORT`` and
    ``KAREZ_WEBHOOK_PRIVATE_TARGETS``.

    Args:
        environment: The variables; one that is missing or empty takes its default.

    Raises:
        Unavailable: ``port_malformed``, ``switch_malformed``.
    """
    return Settings(
        data_dir=Path(environment.get("KAREZ_DATA_DIR") or _default_data_dir(environment))
        .expanduser()
        .absolute(),
        database_url=environment.get("KAREZ_DATABASE_URL") or None,
        secret_key=environment.get("KAREZ_SECRET_KEY") or None,
        host=environment.get("KAREZ_HOST") or "127.0.0.1",
        port=_port(environment.get("KAREZ_PORT") or "8420"),
        webhook_private_targets=_switch(environment, "KAREZ_WEBHOOK_PRIVATE_TARGETS"),
    )


def _default_data_dir(environment: Mapping[str, str]) -> Path:
    """Follow the XDG base directory specification, which has relative paths ignored."""
    data_home = Path(environment.get("XDG_DATA_HOME") or "")
    return (data_home if data_home.is_absolute() else Path.home() / ".local/share") / "karez"


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535:
        return int(text)
    raise Unavailable(
        "port_malformed", f"KAREZ_PORT is {text[:20]!r}; set it to a TCP port from 0 to 65535, or unset it."
    )


def _switch(environment: Mapping[str, str], name: str) -> bool:
    text = environment.get(name) or "0"
    if text in ("0", "1"):
        return text == "1"
    raise Unavailable("switch_malformed", f"{name} is {text[:20]!r}; set it to 1 or 0, or unset it.")

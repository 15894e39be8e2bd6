"""The command line as its users start it: as a process, with its settings in the environment."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from karez.cli import main
from karez.storage.database import Database
from tests.conftest import SECRET_KEY

Run = Callable[..., "subprocess.CompletedProcess[str]"]

COMMAND_LIMIT_S = 120


def environment(**settings: str) -> dict[str, str]:
    """The test's own environment with other settings of Karez."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("KAREZ_")}
    return {**own, **settings}


@pytest.fixture
def settings(database: Database, tmp_path: Path) -> dict[str, str]:
    """Settings that name the test's database."""
    return environment(
        KAREZ_DATA_DIR=str(tmp_path / "data"),
        KAREZ_DATABASE_URL=database.owner,
        KAREZ_SECRET_KEY=SECRET_KEY.decode(),
    )


def run_karez(settings: dict[str, str], *arguments: str | Path) -> "subprocess.CompletedProcess[str]":
    """Run a command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "karez.cli", *map(str, arguments)],
        env=settings,
        capture_output=True,
        text=True,
        timeout=COMMAND_LIMIT_S,
        check=False,
    )


@pytest.fixture
def karez(settings: dict[str, str]) -> Run:
    """Run a command on the test's database."""
    return lambda *arguments: run_karez(settings, *arguments)


@pytest.fixture
def karez_alone(tmp_path: Path) -> Run:
    """Run a command that needs no database."""
    return lambda *arguments: run_karez(environment(KAREZ_DATA_DIR=str(tmp_path / "data")), *arguments)


@pytest.fixture
def karez_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run a command that needs no database in the test's own process, which saves starting one."""

    def run(*arguments: str | Path) -> "subprocess.CompletedProcess[str]":
        argv = ["karez", *map(str, arguments)]
        monkeypatch.setattr(sys, "argv", argv)
        with pytest.raises(SystemExit) as ended:
            main()
        shown = capsys.readouterr()
        code = ended.value.code
        return subprocess.CompletedProcess(argv, code if isinstance(code, int) else 0, shown.out, shown.err)

    return run


@pytest.fixture
def shared_data() -> Path:
    """The public data sets that lie beside the repository on some machines."""
    named = os.environ.get("KAREZ_SHARED_DATA")
    directory = Path(named) if named else Path(__file__).parents[2].parent / "shared/data"
    if not directory.is_dir():
        pytest.skip(
            "the shared data sets are not on this machine; KAREZ_SHARED_DATA may name their directory"
        )
    return directory

"""Whoever types ``karez`` finds out what there is."""

from tests.cli.conftest import Run

COMMANDS = ("up", "check", "ledger", "replay", "bench", "credentials")


def test_help_names_every_command_and_none_that_is_only_for_karez_itself(karez_here: Run) -> None:
    shown = karez_here("--help").stdout
    for command in COMMANDS:
        assert f" {command} " in shown
    assert "│ process" not in shown


def test_every_command_explains_itself(karez_here: Run) -> None:
    for command in COMMANDS:
        result = karez_here(command, "--help")
        assert result.returncode == 0
        assert "Usage" in result.stdout


def test_an_unknown_command_is_refused(karez_here: Run) -> None:
    assert karez_here("fly").returncode == 2

"""``karez up``: everything starts, what dies comes back, nothing is left behind."""

import os
import re
import signal
import socket
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from karez.cli.supervision import restart_pause_s
from tests.cli.bank_making import GOOD_ROWS, czech, write
from tests.cli.conftest import environment, run_karez
from tests.cli.running import RunningKarez, answers, is_running, wait_until

StartUp = Callable[..., RunningKarez]


@pytest.fixture
def start_up(tmp_path: Path) -> Iterator[StartUp]:
    """Start Karez; whatever runs is ended after the test."""
    started: list[RunningKarez] = []

    def start(settings: dict[str, str], *arguments: str) -> RunningKarez:
        karez = RunningKarez(settings, tmp_path / f"words-{len(started)}", *arguments)
        started.append(karez)
        return karez

    yield start
    for karez in started:
        karez.end()


@pytest.fixture
def embedded(tmp_path: Path) -> dict[str, str]:
    """Settings with a database of its own."""
    return environment(KAREZ_DATA_DIR=str(tmp_path / "data"))


def token_of(karez: RunningKarez) -> str | None:
    found = re.search(r"kz_[0-9a-f]{32}_[0-9a-f]{64}", karez.words)
    return found[0] if found else None


def test_the_first_start_makes_everything_and_shows_the_operators_token_once(
    start_up: StartUp, embedded: dict[str, str]
) -> None:
    karez = start_up(embedded, "--workers", "2").wait_until_ready()
    assert set(karez.children()) == {"postgres", "bookkeeper", "worker", "web 1", "web 2"}
    assert answers(karez.address, "/readyz")
    token = token_of(karez)
    assert token is not None
    request = urllib.request.Request(
        karez.address + "/v1/units", headers={"Authorization": f"Bearer {token}"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        assert answer.status == 200
    karez.signal(signal.SIGINT)
    assert karez.process.wait(60) == 0
    again = start_up(embedded, "--workers", "1").wait_until_ready()
    assert token_of(again) is None
    stored = [path for path in karez.data_dir.rglob("*") if path.is_file()]
    assert not any(token.encode() in path.read_bytes() for path in stored)


def test_a_stop_is_orderly_and_complete(start_up: StartUp, settings: dict[str, str]) -> None:
    karez = start_up(settings, "--workers", "2").wait_until_ready()
    children, address = karez.children(), karez.address
    karez.signal(signal.SIGTERM)
    assert karez.process.wait(60) == 0
    assert not any(map(is_running, children.values()))
    assert not answers(address)
    assert "stopped" in karez.words.splitlines()[-1]


def test_a_stop_before_everything_is_ready_is_orderly_too(
    start_up: StartUp, embedded: dict[str, str]
) -> None:
    karez = start_up(embedded)
    wait_until(lambda: "postgres" in karez.children())
    children = karez.children()
    karez.signal(signal.SIGTERM)
    assert karez.process.wait(60) == 0
    wait_until(lambda: not any(map(is_running, children.values())))
    assert start_up(embedded, "--workers", "1").wait_until_ready()


def test_a_second_karez_on_the_same_data_is_refused_with_the_first_ones_address(
    start_up: StartUp, settings: dict[str, str]
) -> None:
    first = start_up(settings, "--workers", "1").wait_until_ready()
    second = start_up(settings, "--workers", "1")
    assert second.process.wait(60) == 2
    sentence = second.words.splitlines()[-1]
    assert first.address in sentence
    assert str(first.process.pid) in sentence
    assert answers(first.address, "/readyz")


def test_a_second_karez_on_the_same_database_is_refused_too(
    start_up: StartUp, settings: dict[str, str], tmp_path: Path
) -> None:
    first = start_up(settings, "--workers", "1").wait_until_ready()
    second = start_up({**settings, "KAREZ_DATA_DIR": str(tmp_path / "other")}, "--workers", "1")
    assert second.process.wait(60) == 2
    assert "Another bookkeeper" in second.words.splitlines()[-1]
    assert answers(first.address, "/readyz")


@pytest.mark.parametrize("name", ["bookkeeper", "worker", "web 1"])
def test_a_process_that_is_killed_is_started_again(
    start_up: StartUp, settings: dict[str, str], name: str
) -> None:
    karez = start_up(settings, "--workers", "1").wait_until_ready()
    before = karez.children()
    run_kill(before[name])
    wait_until(lambda: f"{name} ready again" in karez.words)
    after = karez.children()
    assert set(after) == set(before)
    assert {each for each in before if before[each] != after[each]} == {name}
    assert answers(karez.address, "/readyz")


def test_a_lost_database_is_opened_again(start_up: StartUp, embedded: dict[str, str]) -> None:
    karez = start_up(embedded, "--workers", "1").wait_until_ready()
    run_kill(karez.children()["postgres"])
    wait_until(lambda: karez.words.count("Stop with Ctrl-C") == 2)
    assert answers(karez.address, "/readyz")


def test_nothing_outlives_a_killed_supervisor(start_up: StartUp, embedded: dict[str, str]) -> None:
    karez = start_up(embedded, "--workers", "2").wait_until_ready()
    children, address = karez.children(), karez.address
    karez.signal(signal.SIGKILL)
    karez.process.wait()
    wait_until(lambda: not any(map(is_running, children.values())))
    assert not answers(address)
    assert start_up(embedded, "--workers", "1").wait_until_ready()


def test_an_address_in_use_is_named(settings: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        result = run_karez(settings, "up", "--port", str(port))
    assert result.returncode == 2
    assert f"127.0.0.1 port {port}" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_running_karez_is_used_by_the_other_commands(
    start_up: StartUp, embedded: dict[str, str], tmp_path: Path
) -> None:
    karez = start_up(embedded, "--workers", "1").wait_until_ready()
    bank = write(tmp_path / "trans.asc", czech(*GOOD_ROWS))
    for _ in range(2):
        assert run_karez(embedded, "replay", "berka", bank).returncode == 0
    assert run_karez(embedded, "check").returncode == 0
    assert run_karez(embedded, "credentials", "list").returncode == 0
    assert answers(karez.address, "/readyz")


def test_pauses_between_restarts_double_up_to_a_limit() -> None:
    assert [restart_pause_s(deaths) for deaths in (1, 2, 3, 100)] == [0.2, 0.4, 0.8, 10.0]


def run_kill(pid: int) -> None:
    """Kill one process that this test has started."""
    os.kill(pid, signal.SIGKILL)

"""Every shell block of the role guides is run against a real Karez and shows what the text says."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```sh\n(.*?)^```", re.DOTALL | re.MULTILINE)
SHOWS = re.compile(r"^# shows: (.*)$", re.MULTILINE)
READY_LIMIT_S = 60


@pytest.fixture(scope="module")
def environment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A running Karez, and the variables that the guides assume."""
    folder = tmp_path_factory.mktemp("karez")
    environment = {**os.environ, "KAREZ_DATA_DIR": str(folder / "data"), "COLUMNS": "250"}
    environment.pop("KAREZ_DATABASE_URL", None)
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    log = folder / "log"
    with log.open("w") as output:
        command = [sys.executable, "-m", "karez.cli", "up", "--workers", "1", "--port", "0"]
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, env=environment)
    try:
        text = wait_until_ready(process, log)
        address = re.search(r"at (http://\S+)", text)
        token = re.search(r"once: (\S+)", text)
        assert address
        assert token
        yield {**environment, "KAREZ_URL": address[1], "TOKEN": token[1]}
    finally:
        process.terminate()
        process.wait(60)


def wait_until_ready(process: subprocess.Popen[bytes], log: Path) -> str:
    limit_s = time.monotonic() + READY_LIMIT_S
    while "Next:" not in (text := log.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < limit_s, text
        time.sleep(0.05)
    return text


@pytest.mark.parametrize("guide", ["developer", "institution", "operator", "cards", "shop"])
def test_a_guide_works_as_it_is_written(guide: str, environment: dict[str, str]) -> None:
    blocks = BLOCK.findall((DOCS / f"{guide}.md").read_text())
    assert blocks
    marker = "-- end of block --"
    script = "set -eu\n" + "".join(f"{block}\nprintf '%s\\n' '{marker}'\n" for block in blocks)
    run = subprocess.run(
        ["sh", "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
    shown = run.stdout.split(marker)
    for block, output in zip(blocks, shown, strict=False):
        for expected in SHOWS.findall(block):
            assert expected in output, f"{block}\nshowed:\n{output}"

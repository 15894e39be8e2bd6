"""``karez up`` sends webhooks, to private addresses only if its operator allows that."""

import re
import signal
import threading
from pathlib import Path

import httpx

from karez.core.clock import SystemClock
from karez.core.ids import new_id
from tests.channels.webhooks.making import is_signed
from tests.channels.webhooks.receivers import Reaction, receiver
from tests.cli.running import RunningKarez, wait_until

PATH = "/v1/webhook-endpoints"


def operator_of(karez: RunningKarez) -> httpx.Client:
    """A client with the token that the first start has shown."""
    token = re.search(r"kz_[0-9a-f]{32}_[0-9a-f]{64}", karez.words)
    assert token, karez.words
    return httpx.Client(base_url=karez.address, headers={"Authorization": f"Bearer {token[0]}"})


def endpoint(url: str) -> dict[str, object]:
    return {"id": str(new_id(SystemClock().now_ns())), "url": url, "topics": ["*"]}


def test_a_running_karez_sends_webhooks_and_stops_though_a_receiver_hangs(
    settings: dict[str, str], tmp_path: Path
) -> None:
    allowing = {**settings, "KAREZ_WEBHOOK_PRIVATE_TARGETS": "1"}
    karez = RunningKarez(allowing, tmp_path / "words", "--workers", "1")
    held = threading.Event()
    try:
        karez.wait_until_ready()
        with receiver() as shop, operator_of(karez) as client:
            made = client.post(PATH, json=endpoint(shop.url)).json()
            assert client.post(f"{PATH}/{made['id']}/test").status_code == 202
            wait_until(lambda: len(shop.received) == 1)
            assert is_signed(shop.received[0], made["secret"])
            shop.react = lambda _: Reaction(hold=held)
            client.post(f"{PATH}/{made['id']}/test")
            wait_until(lambda: len(shop.received) == 2)
            karez.signal(signal.SIGTERM)
            assert karez.process.wait(60) == 0
            assert "Traceback" not in karez.words
    finally:
        held.set()
        karez.end()


def test_without_leave_private_addresses_are_refused(settings: dict[str, str], tmp_path: Path) -> None:
    karez = RunningKarez(settings, tmp_path / "words", "--workers", "1")
    try:
        karez.wait_until_ready()
        with operator_of(karez) as client:
            answer = client.post(PATH, json=endpoint("http://127.0.0.1/"))
            assert (answer.status_code, answer.json()["code"]) == (422, "webhook_url_refused")
    finally:
        karez.end()

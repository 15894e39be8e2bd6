"""Whether this process is well, and what it counts."""

import re
from pathlib import Path

import httpx

from karez.storage.database import Database
from tests.channels.api.living import LiveApi, live_api
from tests.channels.api.making import World, assert_problem, fresh_id, open_account, transfer


def test_a_living_process_says_so(api: LiveApi) -> None:
    with httpx.Client(base_url=api.url) as client:
        assert client.get("/healthz").json() == {"status": "live"}
        assert client.get("/readyz").json() == {"status": "ready"}


def test_without_a_bookkeeper_it_is_alive_and_not_ready(world: World, tmp_path: Path) -> None:
    with live_api(world.database, tmp_path / "nobody") as live, live.client(world.harbour) as client:
        assert client.get("/healthz").status_code == 200
        assert_problem(client.get("/readyz"), 503, "not_ready")
        assert "karez_bookkeeper_up 0\n" in client.get("/metrics").text
        answer = client.post("/v1/transfers", json=transfer(fresh_id(), fresh_id(), 1))
        assert_problem(answer, 503, "bookkeeper_unreachable")
        assert answer.headers["retry-after"] == "1"


def test_without_a_database_it_is_alive_and_not_ready_and_tells_nothing_of_the_server(
    world: World, socket_path: Path
) -> None:
    nowhere = Database("", "", "host=/nowhere dbname=secret user=hidden", "", world.database.secret_key)
    with live_api(nowhere, socket_path) as live, live.client(world.harbour) as client:
        assert client.get("/healthz").status_code == 200
        assert client.get("/readyz").status_code == 503
        answer = client.get("/v1/units")
        assert answer.status_code == 503
        assert not re.search("nowhere|secret|hidden", answer.text)
    assert b"database" in b"".join(live.log)


def test_requests_are_counted_by_route_and_never_by_address(harbour: httpx.Client) -> None:
    account = open_account(harbour)
    harbour.get(f"/v1/accounts/{account}")
    text = harbour.get("/metrics").text
    sample = re.compile(
        r'karez_requests_total\{process="\d+",method="GET",route="/v1/accounts/{account_id}",status="200"\} (\d+)'
    )
    before = sample.search(text)
    assert before is not None
    harbour.get(f"/v1/accounts/{account}")
    after = sample.search(harbour.get("/metrics").text)
    assert after is not None
    assert int(after[1]) == int(before[1]) + 1
    assert account not in text


def test_the_figures_are_in_the_format_of_prometheus(harbour: httpx.Client) -> None:
    harbour.post("/v1/transfers", json={})
    answer = harbour.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    line = re.compile(
        r'(# TYPE \w+ (counter|gauge|histogram)|\w+(\{\w+="[^"]*"(,\w+="[^"]*")*\})? [0-9.e+-]+)'
    )
    assert all(line.fullmatch(each) for each in answer.text.splitlines())
    assert "karez_bookkeeper_up 1\n" in answer.text
    assert "karez_bookkeeper_transfers " in answer.text
    buckets = re.findall(
        r'bucket\{[^}]*method="POST",route="/v1/transfers",le="([^"]+)"\} (\d+)', answer.text
    )
    counts = [int(count) for _, count in buckets]
    assert counts == sorted(counts)
    assert buckets[-1][0] == "+Inf"

"""What one credential may ask for."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from karez.channels.api.rate_limits import Allowance, Allowances, Bucket, RateLimits
from karez.core.ids import new_id
from karez.core.outcomes import Rejected
from tests.channels.api.living import LiveApi, live_api
from tests.channels.api.making import World, assert_problem, fresh_id, transfer


def test_a_bucket_is_empty_after_its_quota_and_fills_with_time() -> None:
    bucket = Bucket("requests", quota=2, window_s=10, now_s=0)
    bucket.take(1, 0)
    bucket.take(1, 0)
    with pytest.raises(Rejected) as refusal:
        bucket.take(1, 0)
    assert refusal.value.facts["retry_after_s"] == 5
    bucket.take(1, 5)
    assert str(bucket) == '"requests";r=0;t=10'


def test_a_large_batch_passes_and_is_paid_by_waiting() -> None:
    bucket = Bucket("transfers", quota=100, window_s=10, now_s=0)
    bucket.take(300, 0)
    with pytest.raises(Rejected) as refusal:
        bucket.take(1, 10)
    assert refusal.value.facts["retry_after_s"] == pytest.approx(10.1)
    bucket.take(1, 20.2)


def test_a_bucket_never_holds_more_than_its_quota() -> None:
    bucket = Bucket("requests", quota=2, window_s=10, now_s=0)
    bucket.take(1, 1_000)
    assert str(bucket) == '"requests";r=1;t=5'


def test_an_allowance_outlives_the_memory_of_its_credential() -> None:
    allowances = Allowances(RateLimits(requests=1))
    credential = new_id(0)
    allowances.of(credential, 0).requests.take(1, 0)
    with pytest.raises(Rejected):
        allowances.of(credential, 0).requests.take(1, 0)


def test_the_headers_tell_what_is_left() -> None:
    allowance = Allowance(RateLimits(requests=10, transfers=500, window_s=5), 0)
    allowance.requests.take(1, 0)
    allowance.transfers.take(100, 0)
    assert allowance.headers() == (
        (b"ratelimit-policy", b'"requests";q=10;w=5, "transfers";q=500;w=5'),
        (b"ratelimit", b'"requests";r=9;t=1, "transfers";r=400;t=1'),
    )


@pytest.fixture
def narrow(world: World, socket_path: Path) -> Iterator[LiveApi]:
    """An API that takes three requests and four transfers an hour."""
    limits = RateLimits(requests=3, transfers=4, window_s=3_600)
    with live_api(world.database, socket_path, limits) as live:
        yield live


def test_whoever_asks_too_often_is_told_when_to_come_back(narrow: LiveApi, world: World) -> None:
    with narrow.client(world.harbour) as client:
        left = [client.get("/v1/units").headers["ratelimit"].split(",")[0].split(";")[1] for _ in range(3)]
        assert left == ["r=2", "r=1", "r=0"]
        answer = client.get("/v1/units")
        assert_problem(answer, 429, "rate_limited")
        assert 1_100 < int(answer.headers["retry-after"]) <= 1_200
        assert answer.headers["ratelimit-policy"] == '"requests";q=3;w=3600, "transfers";q=4;w=3600'
        assert_problem(client.post("/v1/transfers", json={}), 429, "rate_limited")
        assert client.get("/healthz").status_code == 200
    with narrow.client(world.hill) as other:
        assert other.get("/v1/units").status_code == 200


def test_transfers_are_counted_however_they_come(narrow: LiveApi, world: World) -> None:
    batch = [transfer(fresh_id(), fresh_id(), 1) for _ in range(4)]
    with narrow.client(world.harbour) as client:
        assert client.post("/v1/transfers/batch", json=batch).status_code == 200
        answer = client.post("/v1/transfers", json=transfer(fresh_id(), fresh_id(), 1))
        assert_problem(answer, 429, "rate_limited")


def test_answers_to_nobody_have_no_limits_to_tell(api: LiveApi) -> None:
    with httpx.Client(base_url=api.url) as nobody:
        assert "ratelimit" not in nobody.get("/v1/units").headers

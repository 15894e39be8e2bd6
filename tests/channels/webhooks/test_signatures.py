"""Signatures are those of Standard Webhooks, for its own library and for its published examples."""

import base64
import time
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks import Webhook, WebhookVerificationError

from karez.channels.webhooks.signatures import new_secret, sign, signed_headers

MESSAGE = UUID("01997f3e-6c10-7000-8000-000000000001")
BODY = '{"type":"trade.paid","data":{"title":"两个碗"}}'.encode()

# From the specification's own repository, and so in all of its libraries' tests.
PUBLISHED = {
    "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
    "timestamp": "1614265330",
    "body": '{"test": 2432232314}',
    "signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
}


def test_the_published_example_is_signed_as_published() -> None:
    assert sign_example(PUBLISHED) == PUBLISHED["signature"]


def sign_example(example: dict[str, str]) -> str:
    return sign(example["secret"], example["id"], int(example["timestamp"]), example["body"].encode())


@given(
    key=st.binary(min_size=24, max_size=64),
    message=st.uuids(),
    timestamp_s=st.integers(0, 2**33),
    body=st.text(st.characters(exclude_categories=["Cs"]), max_size=200),
)
def test_whatever_is_signed_is_signed_as_the_library_does(
    key: bytes, message: UUID, timestamp_s: int, body: str
) -> None:
    secret = "whsec_" + base64.b64encode(key).decode()
    expected = Webhook(secret).sign(str(message), datetime.fromtimestamp(timestamp_s, UTC), body)
    assert sign(secret, str(message), timestamp_s, body.encode()) == expected


def test_the_librarys_verifier_accepts_what_is_sent() -> None:
    secret = new_secret()
    headers = signed_headers([secret], MESSAGE, int(time.time()), BODY)
    assert Webhook(secret).verify(BODY, headers)["type"] == "trade.paid"


def test_while_a_secret_is_replaced_either_one_verifies() -> None:
    old, new = new_secret(), new_secret()
    headers = signed_headers([new, old], MESSAGE, int(time.time()), BODY)
    for secret in (old, new):
        Webhook(secret).verify(BODY, headers)
    with pytest.raises(WebhookVerificationError):
        Webhook(new_secret()).verify(BODY, headers)


@pytest.mark.parametrize(
    "change",
    [
        {"webhook-id": str(UUID(int=1))},
        {"webhook-timestamp": str(int(time.time()) - 1)},
        {"webhook-signature": "v1,AAAA"},
    ],
)
def test_what_was_exchanged_does_not_verify(change: dict[str, str]) -> None:
    secret = new_secret()
    headers = signed_headers([secret], MESSAGE, int(time.time()), BODY)
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY, {**headers, **change})
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(BODY + b" ", headers)


def test_secrets_are_long_and_never_the_same() -> None:
    made = {new_secret() for _ in range(100)}
    assert len(made) == 100
    for secret in made:
        assert secret.startswith("whsec_")
        assert len(base64.b64decode(secret.removeprefix("whsec_"))) == 32

"""Which topics pass a filter."""

import re

import pytest

from karez.channels.webhooks.topics import TOPIC_PATTERN, patterns_of


@pytest.mark.parametrize(
    ("wanted", "passes"),
    [
        ("trade.refund.done", True),
        ("trade.refund.*", True),
        ("trade.*", True),
        ("*", True),
        ("trade", False),
        ("trade.refund", False),
        ("trade.refund.done.*", False),
        ("tra.*", False),
        ("wallet.*", False),
    ],
)
def test_a_topic_passes_its_name_its_beginnings_and_everything(wanted: str, passes: bool) -> None:
    assert (wanted in patterns_of("trade.refund.done")) == passes


@pytest.mark.parametrize("wanted", ["*", "trade.paid", "trade.*", "webhook.endpoint_disabled", "a.b.c.*"])
def test_sound_filters_may_be_registered(wanted: str) -> None:
    assert re.search(TOPIC_PATTERN, wanted)


@pytest.mark.parametrize(
    "wanted", ["", "trade.", ".paid", "*.paid", "trade.*.paid", "Trade.paid", "a b", "**"]
)
def test_unsound_filters_may_not(wanted: str) -> None:
    assert not re.search(TOPIC_PATTERN, wanted)

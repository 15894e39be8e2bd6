"""Which URLs and addresses messages may be sent to."""

import pytest

from karez.channels.webhooks.targets import TargetRules, check_url, is_public, parse_url
from karez.core.outcomes import Rejected
from tests.channels.webhooks.forbidden import FORBIDDEN

PUBLIC = TargetRules()


def refused(url: str, rules: TargetRules = PUBLIC) -> str:
    with pytest.raises(Rejected) as refusal:
        check_url(url, rules)
    assert refusal.value.code == "webhook_url_refused"
    return str(refusal.value.facts["reason"])


def test_the_forbidden_forms_are_thirteen_different_ones() -> None:
    assert len({url.format(port=80) for url in FORBIDDEN.values()}) == 13


@pytest.mark.parametrize("port", [80, 443])
@pytest.mark.parametrize("kind", FORBIDDEN)
def test_what_leads_inside_is_refused_when_it_is_registered(kind: str, port: int) -> None:
    refused(FORBIDDEN[kind].format(port=port))


@pytest.mark.parametrize(
    "url",
    [
        "https://shop.example/karez",
        "http://shop.example",
        "https://shop.example:443/a?b=c",
        "https://8.8.8.8/",
        "https://[2606:4700::6810:84e5]/",
        "https://xn--fiq228c.example/",
    ],
)
def test_public_urls_are_accepted(url: str) -> None:
    check_url(url, PUBLIC)


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("https://shop.example:8443/", "port"),
        ("https://ana:secret@shop.example/", "user"),
        ("https://shop.example/#part", "fragment"),
        ("ftp://shop.example/", "https://"),
        ("shop.example/karez", "https://"),
        ("https:///karez", "no host"),
        ("https://[127.0.0.1]/", "not a URL|no host"),
        ("https://[fe80::1%25eth0]/", "no host"),
        ("https://shop.example:http/", "not a URL"),
        ("https://[::1/", "not a URL"),
        ("https://商店.example/", "characters"),
        ("https://shop.example/a b", "characters"),
        ("https://shop.example/\r\nHost: inside", "characters"),
        ("https://shop.example\\@127.0.0.1/", "characters"),
        ("https://shop.example/" + "a" * 2_000, "characters"),
        ("https://karez.localhost/", "public"),
        ("https://printer.local/", "public"),
        ("https://metadata.google.internal./", "public"),
    ],
)
def test_unsound_urls_are_refused_with_their_reason(url: str, reason: str) -> None:
    assert any(part in refused(url) for part in reason.split("|"))


def test_an_operator_may_allow_any_address_but_no_other_kind_of_url() -> None:
    private = TargetRules(private=True)
    for url in FORBIDDEN.values():
        if url.startswith("http"):
            check_url(url.format(port=8_080), private)
    refused(FORBIDDEN["file"], private)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.255.255.255", "100.64.0.1", "100.100.100.200", "127.255.255.254", "169.254.169.254"),
        *("172.16.0.1", "172.31.255.255", "192.0.0.192", "192.168.0.1", "198.19.255.255", "203.0.113.9"),
        *("224.0.0.1", "240.0.0.1", "255.255.255.255", "168.63.129.16"),
        *("::", "::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "64:ff9b:1::1", "fc00::1", "fd00:ec2::254"),
        *(
            "fe80::1",
            "fe80::1%eth0",
            "ff02::1",
            "2001::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "3fff::1",
            "100::1",
        ),
    ],
)
def test_special_addresses_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize(
    "address",
    ["8.8.8.8", "172.15.255.255", "172.32.0.1", "100.63.0.1", "100.128.0.1", "2606:4700::1", "2400:3200::1"],
)
def test_all_others_are(address: str) -> None:
    assert is_public(address)


def test_a_url_is_taken_apart_once_and_for_all() -> None:
    target = parse_url("https://[2606:4700::1]/a/b?c=d&e")
    assert (target.scheme, target.host, target.port, target.path) == (
        "https",
        "2606:4700::1",
        443,
        "/a/b?c=d&e",
    )
    assert parse_url("http://shop.example?x").path == "/?x"

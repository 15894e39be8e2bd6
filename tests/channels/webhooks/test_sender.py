"""One call to a receiver, over real sockets."""

import asyncio
import datetime
import socket
import ssl
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from karez.channels.webhooks.sender import Answer, Sender
from karez.channels.webhooks.targets import TargetRules
from tests.channels.webhooks.forbidden import FORBIDDEN
from tests.channels.webhooks.making import PRIVATE
from tests.channels.webhooks.receivers import Reaction, Receiver, port_of, receiver

BODY = '{"title":"两个碗"}'.encode()


class AnyPort(TargetRules):
    """Public addresses only, but on any port, so that a test can listen."""

    __slots__ = ()

    def allow_port(self, port: int) -> bool:
        return True


class AnyAddress(TargetRules):
    """As if all addresses were public."""

    __slots__ = ()

    def allow_address(self, address: str) -> bool:
        return True


class OnlyPublic(AnyPort):
    """As if 127.0.0.2 were the only public address."""

    __slots__ = ()

    def allow_address(self, address: str) -> bool:
        return address == "127.0.0.2"


class Names:
    """A name server that gives each answer in turn.

    Args:
        answers: The addresses of every name.
    """

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> list[str]:
        self.asked += 1
        return self.answers[min(self.asked, len(self.answers)) - 1]


def post(
    url: str, sender: Callable[[], Sender] = lambda: Sender(PRIVATE), headers: dict[str, str] | None = None
) -> Answer:
    async def once() -> Answer:
        used = sender()
        async with used.line() as line:
            answer = await line.post(url, headers or {}, BODY)
        used.close()
        return answer

    return asyncio.run(once())


def test_a_message_arrives_as_it_was_given(shop: Receiver) -> None:
    answer = post(shop.url, headers={"webhook-id": "7"})
    assert (answer.status, answer.error, answer.text) == (200, None, "ok")
    (received,) = shop.received
    assert (received.path, received.body) == ("/hooks?shop=7", BODY)
    assert received.headers["content-type"] == "application/json"
    assert received.headers["content-length"] == str(len(BODY))
    assert received.headers["host"] == f"127.0.0.1:{port_of(shop.url)}"
    assert received.headers["webhook-id"] == "7"


def test_redirects_are_not_followed(shop: Receiver) -> None:
    with receiver(lambda _: Reaction(302, b"", {"location": shop.url})) as pointing:
        answer = post(pointing.url)
    assert (answer.status, answer.is_success) == (302, False)
    assert shop.received == []


def test_the_first_kilobyte_of_an_answer_is_kept_whatever_it_is(shop: Receiver) -> None:
    shop.react = lambda _: Reaction(500, "\x00没有".encode() + b"\xff" + b"x" * 1_000_000)
    answer = post(shop.url)
    assert answer.status == 500
    assert answer.text.startswith("\ufffd没有\ufffdxxx")
    assert 1_000 <= len(answer.text) <= 1_024


def test_an_answer_that_never_ends_is_not_waited_for(shop: Receiver) -> None:
    held = threading.Event()
    shop.react = lambda _: Reaction(hold=held)
    answer = post(shop.url, lambda: Sender(PRIVATE, limit_s=0.2))
    held.set()
    assert (answer.status, answer.error) == (None, "timed_out")


def test_an_answer_that_trickles_is_cut_off() -> None:
    """Every byte comes in time, the whole never does."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        stop = threading.Event()

        def trickle() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n")
                while not stop.wait(0.02):
                    try:
                        connection.sendall(b".")
                    except OSError:
                        return

        thread = threading.Thread(target=trickle)
        thread.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/"
        answer = post(url, lambda: Sender(PRIVATE, limit_s=0.3))
        stop.set()
        thread.join()
    assert answer.error == "timed_out"


@pytest.mark.parametrize(
    "reply", [b"", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nshort"]
)
def test_an_answer_that_is_none_is_named(reply: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def answer_badly() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(65_536)
                connection.sendall(reply)

        thread = threading.Thread(target=answer_badly)
        thread.start()
        answer = post(f"http://127.0.0.1:{listening.getsockname()[1]}/")
        thread.join()
    assert (answer.status, answer.error) == (None, "connection_broken")


def test_nobody_at_the_address_is_named() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    assert post(f"http://127.0.0.1:{port}/").error == "not_connected"


def test_a_name_that_leads_nowhere_is_named() -> None:
    async def unknown(host: str, port: int) -> list[str]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    assert post("http://nowhere.example/", lambda: Sender(PRIVATE, unknown)).error == "name_unknown"


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_nothing_is_ever_sent_inside(kind: str) -> None:
    """With the machine's own resolver, and a listener at all of its addresses."""
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        url = FORBIDDEN[kind].format(port=listening.getsockname()[1])
        answer = post(url, lambda: Sender(AnyPort(), limit_s=5))
        listening.settimeout(0.05)
        with pytest.raises(TimeoutError):
            listening.accept()
    assert (answer.status, answer.error) == (None, "target_refused")


def test_the_listener_of_the_test_above_would_have_noticed() -> None:
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as listening:
        for kind in ("loopback", "IPv6 loopback", "hexadecimal", "decimal", "zero", "short form"):
            url = FORBIDDEN[kind].format(port=listening.getsockname()[1])
            assert post(url, lambda: Sender(PRIVATE, limit_s=0.1)).error == "timed_out"
            listening.accept()[0].close()


def test_other_ports_are_not_called(shop: Receiver) -> None:
    answer = post(shop.url, lambda: Sender(AnyAddress()))
    assert answer.error == "target_refused"
    assert shop.received == []


def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    with receiver(address="127.0.0.2") as outside:
        url = outside.url.replace("127.0.0.2", "shop.example")
        names = Names(["127.0.0.2", "127.0.0.1"])
        assert post(url, lambda: Sender(OnlyPublic(), names)).error == "target_refused"
        assert outside.received == []


def test_a_name_that_changes_its_address_between_check_and_call_gains_nothing() -> None:
    with (
        receiver(address="127.0.0.2") as outside,
        receiver(address="127.0.0.1", port=port_of(outside.url)) as inside,
    ):
        names = Names(["127.0.0.2"], ["127.0.0.1"])
        url = outside.url.replace("127.0.0.2", "shop.example")
        assert post(url, lambda: Sender(OnlyPublic(), names)).status == 200
        assert (len(outside.received), len(inside.received), names.asked) == (1, 0, 1)
        assert outside.received[0].headers["host"] == f"shop.example:{port_of(outside.url)}"
        assert post(url, lambda: Sender(OnlyPublic(), names)).error == "target_refused"
        assert inside.received == []


def test_the_next_address_is_tried_if_one_does_not_answer(shop: Receiver) -> None:
    names = Names(["127.0.0.3", "127.0.0.1"])
    url = shop.url.replace("127.0.0.1", "shop.example")
    assert post(url, lambda: Sender(PRIVATE, names)).status == 200


def test_the_environment_does_not_redirect_calls(shop: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    with receiver() as proxy:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(shop.url).status == 200
        assert (len(shop.received), len(proxy.received)) == (1, 0)


def test_the_name_is_what_the_certificate_is_checked_for(tmp_path: Path) -> None:
    serving, trusting = certificate(tmp_path, "shop.example")
    with receiver(tls=serving) as shop:
        port = port_of(shop.url)

        def sender() -> Sender:
            return Sender(PRIVATE, Names(["127.0.0.1"]), trusting)

        assert post(f"https://shop.example:{port}/", sender).status == 200
        assert post(f"https://other.example:{port}/", sender).error == "tls_failed"
        unknown = post(f"https://shop.example:{port}/", lambda: Sender(PRIVATE, Names(["127.0.0.1"])))
        assert unknown.error == "tls_failed"
        assert len(shop.received) == 1


def certificate(directory: Path, name: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Make a certificate for a name; return what serves with it and what trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = directory / "certificate.pem"
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(pem + made.public_bytes(Encoding.PEM))
    serving = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    serving.load_cert_chain(file)
    return serving, ssl.create_default_context(cafile=str(file))

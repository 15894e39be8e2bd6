"""Where messages may be sent: to public addresses of the internet and nowhere else, unless the operator says so.

An address that a stranger registers must not make Karez call its own machine or its neighbours (server-side
request forgery, OWASP API7:2023). A URL is looked at twice: as text when it is registered, and by the addresses
that its host's name has when it is called (``guarded_network``).

Source of the address ranges: IANA special-purpose address registries (RFC 6890), RFC 6052 for 64:ff9b::/96.
"""

import re
import socket
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from karez.core.outcomes import Rejected

URL_SIZE_MAX_CHARS = 2_000
DEFAULT_PORTS = {"https": 443, "http": 80}

_URL = re.compile(r"[!-~]+")
_HOST = re.compile(r"[A-Za-z0-9._-]{1,253}")
_OWN_NAMES = ("localhost", "local", "internal")

_NOT_PUBLIC_V4 = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
            # A public number that one cloud uses for the services inside each of its machines.
            "168.63.129.16/32",
        ),
    )
)
# All else is loopback, private, multicast, or stands for an IPv4 address.
_GLOBAL_V6 = ip_network("2000::/3")
_NOT_PUBLIC_V6 = tuple(map(ip_network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))


class TargetRefused(Exception):
    """A call was not made, because of where it would have gone.

    Args:
        reason: Why, for the owner of the endpoint.
    """


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart.

    Attributes:
        scheme: ``https`` or ``http``.
        host: A name, or an address without brackets.
        port: TCP port.
        path: Path and query, as they are sent.
    """

    scheme: str
    host: str
    port: int
    path: str


@dataclass(frozen=True, slots=True)
class TargetRules:
    """What may be called.

    Attributes:
        private: Whether any address and port may, as in a sandbox or a test.
    """

    private: bool = False

    def allow_address(self, address: str) -> bool:
        """Tell whether an address may be called.

        Args:
            address: As the resolver gives it.
        """
        return self.private or is_public(address)

    def allow_port(self, port: int) -> bool:
        """Tell whether a TCP port may be called."""
        return self.private or port in DEFAULT_PORTS.values()


def is_public(address: str) -> bool:
    """Tell whether an address belongs to the public internet.

    Args:
        address: IPv4 or IPv6 in its usual form, with or without a zone.
    """
    parsed = ip_address(address)
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _NOT_PUBLIC_V4)
    return _is_public_v6(parsed)


def _is_public_v6(address: IPv6Address) -> bool:
    return address in _GLOBAL_V6 and not any(address in network for network in _NOT_PUBLIC_V6)


def parse_url(text: str) -> Target:
    """Take a URL apart.

    Args:
        text: ``https://host/path`` or ``http://...``, in ASCII: names in other scripts as ``xn--...``.

    Rejections: ``webhook_url_refused``.
    """
    if len(text) > URL_SIZE_MAX_CHARS or not _URL.fullmatch(text) or "\\" in text:
        raise _refused(f"it has more than {URL_SIZE_MAX_CHARS} characters, or some that belong in no URL")
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise _refused("it is not a URL") from None
    if parts.scheme not in DEFAULT_PORTS:
        raise _refused("it begins with neither https:// nor http://")
    if "@" in parts.netloc or parts.fragment:
        raise _refused("a user, a password or a fragment has no place in it")
    host = parts.hostname or ""
    if not (_is_v6(host) if "[" in parts.netloc else _HOST.fullmatch(host)):
        raise _refused("it names no host")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(parts.scheme, host, DEFAULT_PORTS[parts.scheme] if port is None else port, path)


def check_url(text: str, rules: TargetRules) -> None:
    """Refuse a URL that could never be called, as far as it can be told without asking for a name.

    Args:
        text: The URL.
        rules: What may be called.

    Rejections: ``webhook_url_refused``.
    """
    target = parse_url(text)
    if not rules.allow_port(target.port):
        raise _refused("its port is neither 443 nor 80")
    is_own_name = target.host.rstrip(".").rpartition(".")[2] in _OWN_NAMES
    if (is_own_name and not rules.private) or not all(map(rules.allow_address, _numeric(target.host))):
        raise _refused("its host is no public address")


def _numeric(host: str) -> list[str]:
    """Return the address that a host is in itself, in whichever form: ``127.1`` and ``0x7f000001`` are addresses."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)
    except (OSError, UnicodeError):
        return []
    return [str(address[0]) for *_, address in found]


def _is_v6(host: str) -> bool:
    try:
        return isinstance(ip_address(host), IPv6Address) and "%" not in host
    except ValueError:
        return False


def _refused(reason: str) -> Rejected:
    return Rejected(
        "webhook_url_refused",
        f"Messages cannot be sent to this URL: {reason}; name one like https://shop.example/karez that the "
        "internet reaches.",
        reason=reason,
    )

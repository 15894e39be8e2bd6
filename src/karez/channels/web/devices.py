"""The browser as a device, by which payments are counted: what it was given when somebody logged in with it."""

from karez.channels.api.devices import read_device
from karez.channels.web.logging_in import BROWSER_COOKIE
from karez.channels.web.visits import Visit
from karez.services.payments.fraud.attempts import Fingerprints


def device_of(visit: Visit) -> Fingerprints:
    """Return by what the browser is known; nothing if it does not keep what it was given."""
    nonce = visit.cookies.get(BROWSER_COOKIE, "").partition(".")[0]
    return read_device(visit.services, nonce) if nonce.isalnum() and nonce.isascii() else ()

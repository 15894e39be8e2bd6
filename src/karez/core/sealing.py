"""Fields that only the program can read: sealed for storage, and found again without opening them.

A sealed field is AES-256-GCM under a key that belongs to one purpose. The place where it is stored (table,
column, row) is authenticated with it, so that a ciphertext copied into another row does not open there. Since
two seals of one text differ, equality is looked up by a blind index: a keyed fingerprint of the text.

Layout of a sealed field: 1 byte key version, 12 bytes random nonce, ciphertext, 16 bytes tag.

To change the secret, hold the old and the new one: ``Sealer({1: old, 2: new}, "party")`` seals with version 2
and still opens version 1.

Sources: NIST SP 800-38D (GCM; section 8.3 bounds random nonces to 2**32 seals under one key), RFC 5869
(HKDF).
"""

import hashlib
import hmac
import os
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from karez.core.outcomes import Unavailable

_KEY_SIZE_BYTES = 32
_SECRET_SIZE_MIN_BYTES = 32
_NONCE_SIZE_BYTES = 12
_TAG_SIZE_BYTES = 16
_HEAD_SIZE_BYTES = 1 + _NONCE_SIZE_BYTES
_BLIND_INDEX_SIZE_BYTES = 16


@dataclass(frozen=True, slots=True)
class Place:
    """Where a sealed field is stored.

    Attributes:
        table: The table's name, an SQL identifier.
        column: The column's name, an SQL identifier.
        row: The row's id.
    """

    table: str
    column: str
    row: UUID

    def __str__(self) -> str:
        return f"{self.table}.{self.column} of {self.row}"


class Sealer:
    """Seals, opens and indexes the fields of one purpose.

    Args:
        secrets: The root secret of each key version, 32 bytes or more; the highest version (1 to 255) seals.
        purpose: What the fields are for; other purposes get independent keys.
    """

    def __init__(self, secrets: Mapping[int, bytes], purpose: str) -> None:
        if not secrets or not all(1 <= version <= 255 for version in secrets):
            raise ValueError("key versions are numbers from 1 to 255, and there is at least one")
        if any(len(secret) < _SECRET_SIZE_MIN_BYTES for secret in secrets.values()):
            raise ValueError(f"a root secret has at least {_SECRET_SIZE_MIN_BYTES} bytes")
        self._version = max(secrets)
        self._ciphers = {
            version: AESGCM(_derive(secret, f"seal:{purpose}")) for version, secret in secrets.items()
        }
        self._index_keys = [
            _derive(secrets[version], f"blind-index:{purpose}") for version in sorted(secrets, reverse=True)
        ]

    def seal(self, clear: str, place: Place) -> bytes:
        """Encrypt a text for one place.

        Args:
            clear: The text.
            place: Where the result will be stored.
        """
        nonce = os.urandom(_NONCE_SIZE_BYTES)
        associated = _associated_data(self._version, place)
        ciphertext = self._ciphers[self._version].encrypt(nonce, clear.encode(), associated)
        return bytes([self._version]) + nonce + ciphertext

    def open(self, sealed: bytes, place: Place) -> str:
        """Decrypt what was sealed for this place.

        Args:
            sealed: What ``seal`` returned.
            place: Where it was found.

        Raises:
            Unavailable: ``seal_key_missing``, ``seal_broken``.
        """
        if len(sealed) < _HEAD_SIZE_BYTES + _TAG_SIZE_BYTES:
            raise _broken(place)
        version, nonce, ciphertext = sealed[0], sealed[1:_HEAD_SIZE_BYTES], sealed[_HEAD_SIZE_BYTES:]
        cipher = self._ciphers.get(version)
        if cipher is None:
            raise Unavailable(
                "seal_key_missing",
                f"The field {place} is sealed with key version {version}, which is not configured; give "
                "Karez the secret key of that version.",
            )
        try:
            return cipher.decrypt(nonce, ciphertext, _associated_data(version, place)).decode()
        except InvalidTag:
            raise _broken(place) from None

    def blind_indexes(self, kind: str, value: str) -> list[bytes]:
        """Return a text's fingerprints under every key version, the newest first.

        A row written before a change of the secret has only the older ones, so a look-up asks for all.

        Args:
            kind: What the text is, such as ``phone``; the same text of another kind has other fingerprints.
            value: The text in the one form that all its spellings are brought to.
        """
        message = f"{kind}\0{value}".encode()
        return [
            hmac.new(key, message, hashlib.sha256).digest()[:_BLIND_INDEX_SIZE_BYTES]
            for key in self._index_keys
        ]


def _derive(secret: bytes, purpose: str) -> bytes:
    kdf = HKDF(algorithm=SHA256(), length=_KEY_SIZE_BYTES, salt=None, info=f"karez:{purpose}".encode())
    return kdf.derive(secret)


def _associated_data(version: int, place: Place) -> bytes:
    return bytes([version]) + f"{place.table}\0{place.column}\0".encode() + place.row.bytes


def _broken(place: Place) -> Unavailable:
    return Unavailable(
        "seal_broken",
        f"The field {place} does not open: it was altered, moved from another row, or sealed with another "
        "secret key; check the secret key, then restore the row from a backup.",
    )

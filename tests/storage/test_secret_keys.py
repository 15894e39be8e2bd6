"""Secrets are made once, kept private, and the roots of passwords."""

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from karez.core.outcomes import Unavailable
from karez.storage.secret_keys import role_password, secret_from_file, secret_key


def test_a_secret_is_made_once_and_only_its_owner_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    secret = secret_from_file(path)
    assert len(secret) == 64
    assert secret_from_file(path) == secret
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_racing_threads_agree_on_one_secret(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(lambda _: secret_from_file(tmp_path / "secret.key"), range(32)))
    assert len(secrets) == 1


def test_the_operators_own_key_is_taken_as_it_is(tmp_path: Path) -> None:
    assert secret_key("k" * 32, tmp_path / "unused") == b"k" * 32
    assert not (tmp_path / "unused").exists()


def test_a_key_that_can_be_guessed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unavailable) as refusal:
        secret_key("k" * 31, tmp_path)
    assert refusal.value.code == "secret_key_too_short"
    assert "k" * 31 not in refusal.value.sentence


def test_a_place_that_cannot_hold_the_key_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Unavailable) as refusal:
        secret_key(None, tmp_path / "file")
    assert refusal.value.code == "data_directory_unusable"


def test_every_role_has_a_password_of_its_own() -> None:
    passwords = {role_password(key, role) for key in (b"a" * 32, b"b" * 32) for role in ("x", "y")}
    assert len(passwords) == 4
    assert role_password(b"a" * 32, "x") == role_password(b"a" * 32, "x")

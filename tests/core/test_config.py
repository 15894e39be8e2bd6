"""Settings come from the environment, have defaults, and never show their secrets."""

from pathlib import Path

import pytest

from karez.core.config import settings_from_environment
from karez.core.outcomes import Unavailable


def test_an_empty_environment_gives_the_embedded_database_in_the_users_own_directory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    settings = settings_from_environment({"KAREZ_DATABASE_URL": "", "KAREZ_PORT": ""})
    assert settings.data_dir == Path("/home/ana/.local/share/karez")
    assert settings.database_url is None
    assert settings.secret_key is None
    assert (settings.host, settings.port) == ("127.0.0.1", 8420)
    assert not settings.webhook_private_targets


def test_each_variable_sets_its_setting() -> None:
    settings = settings_from_environment(
        {
            "KAREZ_DATA_DIR": "/srv/karez",
            "KAREZ_DATABASE_URL": "postgresql://db/karez",
            "KAREZ_SECRET_KEY": "k" * 32,
            "KAREZ_HOST": "::1",
            "KAREZ_PORT": "9000",
            "KAREZ_WEBHOOK_PRIVATE_TARGETS": "1",
        }
    )
    assert settings.data_dir == Path("/srv/karez")
    assert settings.database_url == "postgresql://db/karez"
    assert settings.secret_key == "k" * 32
    assert (settings.host, settings.port) == ("::1", 9000)
    assert settings.webhook_private_targets


def test_a_user_without_a_home_can_still_name_the_data_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    assert settings_from_environment({"KAREZ_DATA_DIR": "/srv/karez"}).data_dir == Path("/srv/karez")


def test_a_relative_data_directory_is_made_absolute_at_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert settings_from_environment({"KAREZ_DATA_DIR": "data"}).data_dir == tmp_path / "data"


def test_the_xdg_data_home_is_followed_unless_it_is_relative(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/ana")
    assert settings_from_environment({"XDG_DATA_HOME": "/var/data"}).data_dir == Path("/var/data/karez")
    assert settings_from_environment({"XDG_DATA_HOME": "data"}).data_dir == Path(
        "/home/ana/.local/share/karez"
    )


@pytest.mark.parametrize("port", ["http", "-1", "65536", "9" * 5_000, "80 80", "８０"])
def test_a_port_that_is_none_is_refused_by_name(port: str) -> None:
    with pytest.raises(Unavailable, match="KAREZ_PORT"):
        settings_from_environment({"KAREZ_PORT": port})


@pytest.mark.parametrize("switch", ["yes", "true", "2", " 1", "off"])
def test_a_switch_that_is_neither_on_nor_off_is_refused_by_name(switch: str) -> None:
    with pytest.raises(Unavailable, match="KAREZ_WEBHOOK_PRIVATE_TARGETS"):
        settings_from_environment({"KAREZ_WEBHOOK_PRIVATE_TARGETS": switch})


def test_secrets_are_not_shown_when_settings_are_printed() -> None:
    environment = {
        "KAREZ_DATABASE_URL": "postgresql://ana:opensesame@db",
        "KAREZ_SECRET_KEY": "opensesame" * 4,
    }
    assert "opensesame" not in repr(settings_from_environment(environment))

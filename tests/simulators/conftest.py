"""One simulator bank for all tests of a worker."""

from collections.abc import Iterator

import pytest

from tests.simulators.bank_process import BankProcess


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BankProcess]:
    """The bank."""
    process = BankProcess(tmp_path_factory.mktemp("bank") / "bank.db")
    try:
        yield process
    finally:
        process.close()

"""However a file is damaged, it is read or refused with a sentence, and nothing else happens."""

from contextlib import suppress

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from karez.core.outcomes import Rejected
from karez.services.payments.bankfiles.messages import read_message
from karez.services.payments.bankfiles.reading import read_bank_file
from tests.services.payments.bankfiles.test_camt_reading import GOOD
from tests.services.payments.bankfiles.test_csv_reading import HEADER, ROW
from tests.services.payments.bankfiles.test_mt940_reading import STATEMENT

FILES = [GOOD.encode(), STATEMENT.encode(), f"{HEADER}\n{ROW}\n{ROW}\n".encode()]


@settings(deadline=None, max_examples=300)
@given(st.sampled_from(FILES), st.data())
def test_a_file_with_some_bytes_changed_is_read_or_refused(file: bytes, data: st.DataObject) -> None:
    damaged = bytearray(file)
    for _ in range(data.draw(st.integers(1, 4))):
        first = data.draw(st.integers(0, len(damaged) - 1))
        length = data.draw(st.integers(0, 8))
        damaged[first : first + length] = data.draw(st.binary(max_size=8))
    for read in (read_bank_file, read_message):
        with suppress(Rejected):
            read(bytes(damaged))


@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
@example(b"")
@example(b"<")
@example(b"<?xml version='1.0' encoding='no-such'?><Document/>")
@example(b"<Document xmlns='urn:iso:std:iso:20022:tech:xsd:camt.053.001.08'/>")
@example(b":20:\n:61:")
@example(b"\xef\xbb\xbf")
def test_anything_at_all_is_refused(data: bytes) -> None:
    with pytest.raises(Rejected):
        read_bank_file(data)


def test_elements_in_elements_without_end_are_refused() -> None:
    with pytest.raises(Rejected, match="not well-formed"):
        read_bank_file(GOOD.replace("<Ntry>", "<Ntry>" + "<a>" * 100_000).encode())

"""Ids are UUIDs of version 7: unique, and in the order of the milliseconds in which they were made."""

from uuid import RFC_4122, UUID

from hypothesis import given
from hypothesis import strategies as st

from karez.core.ids import id_at_or_after, new_id

MOMENTS_NS = st.integers(0, 2**48 * 1_000_000 - 1)


@given(MOMENTS_NS)
def test_an_id_is_a_version_7_uuid_that_carries_its_millisecond(now_ns: int) -> None:
    made = new_id(now_ns)
    assert (made.version, made.variant) == (7, RFC_4122)
    assert made.int >> 80 == now_ns // 1_000_000


@given(MOMENTS_NS, MOMENTS_NS)
def test_an_id_made_in_a_later_millisecond_sorts_later(first_ns: int, second_ns: int) -> None:
    if first_ns // 1_000_000 < second_ns // 1_000_000:
        assert new_id(first_ns) < new_id(second_ns)
        assert new_id(first_ns).bytes < new_id(second_ns).bytes


@given(MOMENTS_NS)
def test_the_bound_of_a_moment_divides_earlier_ids_from_its_own(now_ns: int) -> None:
    assert new_id(now_ns) >= UUID(int=id_at_or_after(now_ns))
    if now_ns >= 1_000_000:
        assert new_id(now_ns - 1_000_000) < UUID(int=id_at_or_after(now_ns))


def test_ids_of_one_moment_differ_in_every_random_bit() -> None:
    made = [new_id(0).int for _ in range(1_000)]
    assert len(set(made)) == 1_000
    ever_set, always_set = 0, -1
    for value in made:
        ever_set |= value
        always_set &= value
    assert (ever_set & ~always_set).bit_count() == 74

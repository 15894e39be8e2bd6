"""A statement asks for the columns that its record has."""

from dataclasses import dataclass

from karez.storage.selecting import columns_of, select


@dataclass(frozen=True, slots=True)
class Fruit:
    name: str
    weight_g: int
    seeds: tuple[int, ...] = ()


def test_the_columns_are_the_fields_in_their_order() -> None:
    assert columns_of(Fruit) == "name, weight_g, seeds"


def test_a_field_that_comes_from_elsewhere_is_left_out() -> None:
    assert select(Fruit, "FROM fruit WHERE name = %s", without="seeds") == (
        "SELECT name, weight_g FROM fruit WHERE name = %s"
    )

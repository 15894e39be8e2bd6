"""Which items have a name in common, directly or through others: found in one walk over the names."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from karez.services.payments.reconciliation.matching.worktable import Worktable

NamesOfMovements = Sequence[str]
"""A name for each movement by its place; empty where it has none."""


@dataclass(slots=True)
class Group:
    """Places of open items that belong together by their names.

    Attributes:
        movements: Ours.
        entries: The bank's; at least one.
    """

    movements: list[int] = field(default_factory=list)
    entries: list[int] = field(default_factory=list)


def groups_by_name(table: Worktable, names: NamesOfMovements) -> list[Group]:
    """Return the groups of open items, in the order of their first entries.

    An entry with several names, such as a batch that lists its payments, brings the movements of all into one group.
    """
    movements_of: dict[str, list[int]] = {}
    for place in table.open_movements():
        if names[place]:
            movements_of.setdefault(names[place], []).append(place)
    joined = _Joined()
    hit: list[tuple[int, str]] = []
    for place in table.open_entries():
        found = table.hits(place, movements_of)
        if found:
            joined.join(found)
            hit.append((place, found[0]))
    groups: dict[str, Group] = {}
    for place, name in hit:
        groups.setdefault(joined.root(name), Group()).entries.append(place)
    for name, places in movements_of.items():
        group = groups.get(joined.root(name))
        if group is not None:
            group.movements += places
    return list(groups.values())


class _Joined:
    """Names that stand for the same group (disjoint sets with path halving)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def root(self, name: str) -> str:
        parent = self._parent
        while (above := parent.get(name, name)) != name:
            parent[name] = parent.get(above, above)
            name = above
        return name

    def join(self, names: Iterable[str]) -> None:
        first, *others = names
        for other in others:
            self._parent[self.root(other)] = self.root(first)

"""The set of rules that holds: the program's own until the operator replaces it.

Every version of the set is a row of its own, made from the one before: of two who replace it at once, one is told so.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking, encode
from karez.services.payments.fraud.models import MODELS
from karez.services.payments.fraud.rules import DEFAULTS, NamedRule, Rule, check_rule
from karez.storage.selecting import select

RULES_MAX = 200


@dataclass(frozen=True, slots=True)
class RuleSet:
    """A version of the set.

    Attributes:
        version: 0 is the program's own.
        rules: By name, as JSON.
        note: Why it was made.
        changed_by: Who made it.
        changed_ns: When.
    """

    version: int
    rules: str
    note: str
    changed_by: str
    changed_ns: int

    def decoded(self) -> dict[str, Rule]:
        """Return the rules by name.

        Raises:
            Unavailable: ``fraud_rule_unreadable``.
        """
        try:
            return _decoder.decode(self.rules)
        except msgspec.ValidationError as error:
            raise Unavailable(
                "fraud_rule_unreadable",
                f"Version {self.version} of the fraud rules is not of this release ({error}); replace the set, or "
                "install the release that made it.",
            ) from error

    def named(self) -> tuple[NamedRule, ...]:
        """Return the rules in the order of their names.

        Raises:
            Unavailable: ``fraud_rule_unreadable``.
        """
        return tuple(NamedRule(name, self.version, rule) for name, rule in sorted(self.decoded().items()))


_decoder: msgspec.json.Decoder[dict[str, Rule]] = msgspec.json.Decoder(dict[str, Rule])

_OWN = RuleSet(0, encode(DEFAULTS).decode(), "As Karez comes.", "karez", 0)
_LATEST = select(RuleSet, "FROM fraud_rule_set ORDER BY version DESC LIMIT 1")
_PAGE = select(RuleSet, "FROM fraud_rule_set WHERE version < %s ORDER BY version DESC LIMIT %s")


class RuleSetReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A set of rules that holds from now on."""

    version: int
    rules: Mapping[str, Rule]
    note: str


def current_set(conn: psycopg.Connection[Any]) -> RuleSet:
    """Return the set that holds now.

    Args:
        conn: In a transaction of the operator, or of a worker.
    """
    with conn.cursor(row_factory=class_row(RuleSet), binary=True) as cursor:
        return cursor.execute(_LATEST).fetchone() or _OWN


def sets_page(conn: psycopg.Connection[Any], before_version: int, limit: int) -> list[RuleSet]:
    """Return versions of the set below a number, the latest first; that of the program itself is no row."""
    with conn.cursor(row_factory=class_row(RuleSet), binary=True) as cursor:
        return cursor.execute(_PAGE, (before_version, limit)).fetchall()


def replace_set(
    asking: Asking, known: RuleSet, read_version: int, rules: Mapping[str, Rule], note: str
) -> Operation:
    """Make the next version of the set.

    Args:
        asking: The operator's request.
        known: The set that holds now.
        read_version: Of the set that the operator has read and changed.
        rules: Those that hold from now on, by name; none judges nothing.
        note: Why, for people.

    Rejections: ``fraud_rules_changed``, ``fraud_rule_invalid``, ``currency_unknown``, ``fraud_reason_missing``; in
        the book ``row_exists``, which is a lost race.
    """
    if read_version != known.version:
        raise Rejected(
            "fraud_rules_changed",
            f"The rules that hold are version {known.version}, and you have changed version {read_version}; read "
            "them again.",
            version=known.version,
        )
    if not note.strip():
        raise Rejected("fraud_reason_missing", "Say why the rules are changed, for whoever asks later.")
    for name, rule in rules.items():
        check_rule(name, rule, MODELS)
    version = known.version + 1
    row = RowInsert(
        table="fraud_rule_set",
        key={"version": version},
        values={
            "rules": encode(rules).decode(),
            "note": note,
            "changed_by": asking.actor,
            "changed_ns": asking.now_ns,
        },
    )
    reply = RuleSetReceipt(version=version, rules=rules, note=note)
    return asking.operation("fraud.replace_rules", reply, rows=(row,))

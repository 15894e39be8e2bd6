"""The rules that hold: the program's own, as the operator has changed them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
import psycopg
from psycopg.rows import class_row

from karez.core.outcomes import Rejected, Unavailable
from karez.ledger.operations import Operation, RowInsert
from karez.services.asking import Asking, encode
from karez.services.payments.fraud.rules import DEFAULTS, NamedRule, Rule, check_rule

_COLUMNS = "name, version, rule, active, note, changed_ns"
_LATEST = f"SELECT DISTINCT ON (name) {_COLUMNS} FROM fraud_rule ORDER BY name, version DESC"  # noqa: S608 - our own
_HISTORY = f"SELECT {_COLUMNS} FROM fraud_rule WHERE name = %s ORDER BY version DESC"  # noqa: S608

_decoder: msgspec.json.Decoder[Rule] = msgspec.json.Decoder(Rule)


@dataclass(frozen=True, slots=True)
class RuleVersion:
    """A change of a rule.

    Attributes:
        name: Of the rule.
        version: 1 is the first change.
        rule: Its parameters, as JSON.
        active: Whether it is looked at.
        note: Why it was changed.
        changed_ns: When.
    """

    name: str
    version: int
    rule: str
    active: bool
    note: str
    changed_ns: int

    def decoded(self) -> Rule:
        """Return the parameters.

        Raises:
            Unavailable: ``fraud_rule_unreadable``.
        """
        try:
            return _decoder.decode(self.rule)
        except msgspec.ValidationError as error:
            raise Unavailable(
                "fraud_rule_unreadable",
                f"Version {self.version} of the fraud rule {self.name!r} is not of this release ({error}); "
                "change the rule, or install the release that made it.",
            ) from error


def latest_versions(conn: psycopg.Connection[Any]) -> dict[str, RuleVersion]:
    """Return the latest change of each rule that was changed.

    Args:
        conn: In a transaction of the operator, or of a worker.
    """
    with conn.cursor(row_factory=class_row(RuleVersion), binary=True) as cursor:
        return {version.name: version for version in cursor.execute(_LATEST)}


def history(conn: psycopg.Connection[Any], name: str) -> list[RuleVersion]:
    """Return all changes of a rule, the latest first."""
    with conn.cursor(row_factory=class_row(RuleVersion), binary=True) as cursor:
        return cursor.execute(_HISTORY, (name,)).fetchall()


def rules_that_hold(versions: Mapping[str, RuleVersion]) -> tuple[NamedRule, ...]:
    """Return the program's rules with the operator's changes.

    Args:
        versions: The latest of each changed rule.
    """
    changed = {version.name: version for version in versions.values() if version.active}
    unchanged = {name: NamedRule(name, 0, rule) for name, rule in DEFAULTS.items() if name not in versions}
    active = {name: NamedRule(name, each.version, each.decoded()) for name, each in changed.items()}
    return tuple({**unchanged, **active}[name] for name in sorted({**unchanged, **active}))


def current_rules(conn: psycopg.Connection[Any]) -> tuple[NamedRule, ...]:
    """Return the rules that hold now, in the order of their names.

    Args:
        conn: In a transaction of the operator, or of a worker.
    """
    return rules_that_hold(latest_versions(conn))


def change_rule(
    asking: Asking, known: RuleVersion | None, name: str, rule: Rule, active: bool, note: str
) -> Operation:
    """Make the next version of a rule, or the first one of a new rule.

    Args:
        asking: The operator's request.
        known: Its latest change.
        name: Of the rule.
        rule: Its parameters from now on.
        active: Whether it is looked at from now on.
        note: Why, for people.

    Rejections: ``fraud_rule_invalid``, ``currency_unknown``, ``fraud_reason_missing``; in the book ``row_exists``.
    """
    check_rule(name, rule)
    if not note.strip():
        raise Rejected("fraud_reason_missing", f"Say why the rule {name} is changed, for whoever asks later.")
    version = 1 if known is None else known.version + 1
    values: dict[str, Any] = {
        "rule": encode(rule).decode(),
        "active": active,
        "note": note,
        "changed_ns": asking.now_ns,
    }
    row = RowInsert(table="fraud_rule", key={"name": name, "version": version}, values=values)
    reply = {"name": name, "version": version, "rule": rule, "active": active, "note": note}
    return asking.operation("fraud.change_rule", reply, rows=(row,))

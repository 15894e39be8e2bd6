"""Calendars as data: those that come with Karez, and those that the operator enters for institutions."""

import re
from collections.abc import Collection
from datetime import date
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
import psycopg

from karez.core.calendars import CALENDARS, Calendar
from karez.core.outcomes import Rejected
from karez.ledger.operations import Operation, RowInsert, RowUpdate, Scalar
from karez.services.asking import Asking, encode

EXCEPTIONS_MAX = 2_000

_NAME = re.compile("[A-Za-z0-9_]{1,80}")
_CALENDARS = "SELECT name, zone, exceptions FROM business_calendar WHERE name = ANY(%s)"
_ALL_CALENDARS = "SELECT name, zone, exceptions FROM business_calendar ORDER BY name"
_decode = msgspec.json.Decoder(dict[date, bool]).decode


class CalendarReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar that was entered."""

    name: str
    zone: str
    exceptions: int


def enter_calendar(asking: Asking, kept: Calendar | None, new: Calendar) -> Operation:
    """Enter or replace the calendar of an institution.

    Args:
        asking: The operator's request.
        kept: What is entered under this name now.
        new: What is to be.

    Rejections: ``calendar_name_malformed``, ``calendar_reserved``, ``zone_unknown``.
    """
    if not _NAME.fullmatch(new.name):
        raise Rejected(
            "calendar_name_malformed",
            f"{new.name[:40]!r} is no name of a calendar; use 1 to 80 letters a to z, digits and underscores.",
        )
    if new.name in CALENDARS:
        raise Rejected(
            "calendar_reserved",
            f"The calendar {new.name!r} comes with Karez; enter yours under another name.",
        )
    try:
        ZoneInfo(new.zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise Rejected(
            "zone_unknown", f"There is no time zone {new.zone[:40]!r}; use a name such as Asia/Shanghai."
        ) from None
    values: dict[str, Scalar] = {
        "zone": new.zone,
        "exceptions": encode(dict(sorted(new.exceptions.items()))).decode(),
        "changed_ns": asking.now_ns,
    }
    row: RowInsert | RowUpdate
    if kept is None:
        row = RowInsert(table="business_calendar", key={"name": new.name}, values=values)
    else:
        expected: dict[str, Scalar] = {"exceptions": encode(dict(sorted(kept.exceptions.items()))).decode()}
        row = RowUpdate(table="business_calendar", key={"name": new.name}, expected=expected, changes=values)
    reply = CalendarReceipt(name=new.name, zone=new.zone, exceptions=len(new.exceptions))
    return asking.operation("calendar.enter", reply, rows=(row,))


def read_calendars(conn: psycopg.Connection[Any], names: Collection[str]) -> dict[str, Calendar]:
    """Return calendars by their names; those that do not exist are missing."""
    own = [name for name in names if name not in CALENDARS]
    entered = _read(conn.execute(_CALENDARS, (own,)).fetchall()) if own else {}
    return {name: CALENDARS[name] for name in names if name in CALENDARS} | entered


def find_calendar(conn: psycopg.Connection[Any], name: str) -> Calendar:
    """Return a calendar.

    Rejections: ``calendar_not_found``.
    """
    found = read_calendars(conn, [name])
    if name not in found:
        raise Rejected(
            "calendar_not_found",
            f"There is no calendar {name[:40]!r}; list them, or have the operator enter it.",
        )
    return found[name]


def find_entered(conn: psycopg.Connection[Any], name: str) -> Calendar | None:
    """Return the calendar that was entered under a name, if one was."""
    return _read(conn.execute(_CALENDARS, ([name],)).fetchall()).get(name)


def all_calendars(conn: psycopg.Connection[Any]) -> list[Calendar]:
    """Return every calendar, those that come with Karez first."""
    return [*CALENDARS.values(), *_read(conn.execute(_ALL_CALENDARS).fetchall()).values()]


def _read(rows: Collection[tuple[Any, ...]]) -> dict[str, Calendar]:
    return {name: Calendar(name, zone, _decode(exceptions)) for name, zone, exceptions in rows}

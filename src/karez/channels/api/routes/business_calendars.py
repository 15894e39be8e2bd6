"""Business calendars: those that come with Karez, and those of institutions."""

from datetime import date
from typing import Annotated

import msgspec
from litestar import Response, get, put
from litestar.params import FromPath
from msgspec import Meta

from karez.channels.api.asking import asked
from karez.channels.api.bodies import LARGE_SIZE_MAX_BYTES, Body
from karez.channels.api.carrying import carry, content_of, needed_key
from karez.channels.api.documentation import KEY, Answer, Documentation
from karez.channels.api.injected import AnyRequest, TheCaller, TheServices
from karez.channels.api.operations import NEEDED_KEY, OPERATION_REFUSALS
from karez.channels.api.replies import Reply, json_reply, to_response
from karez.core.calendars import Calendar
from karez.parties.roles import Permission
from karez.services.payments.settlement.agreed_calendars import (
    CalendarReceipt,
    all_calendars,
    enter_calendar,
    find_entered,
)

Days = Annotated[list[date], Meta(max_length=1_000)]


class NewCalendar(msgspec.Struct, kw_only=True, forbid_unknown_fields=True):
    """A calendar: Monday to Friday but for its exceptions.

    Attributes:
        zone: IANA name of the time zone in which its days begin.
        closed: Days in the week without business.
        open: Days at weekends with business.
    """

    zone: Annotated[str, Meta(min_length=1, max_length=60, examples=["Asia/Shanghai"])]
    closed: Days = []
    open: Days = []


class CalendarView(msgspec.Struct, frozen=True, kw_only=True):
    """A calendar."""

    name: str
    zone: str
    closed: list[date]
    open: list[date]


class CalendarList(msgspec.Struct, frozen=True):
    """All calendars."""

    items: list[CalendarView]


_EXAMPLE = {"zone": "Asia/Shanghai", "closed": ["2026-02-16"], "open": ["2026-02-14"]}
_NEW_CALENDAR: Body[NewCalendar] = Body(NewCalendar, _EXAMPLE, LARGE_SIZE_MAX_BYTES)


@put(
    "/v1/business-calendars/{name:str}",
    opt={
        KEY: Documentation(
            name="enterBusinessCalendar",
            topic="Settlement",
            summary="Enter or replace the calendar of an institution, as the operator",
            access=Permission.OPERATOR,
            body=_NEW_CALENDAR,
            headers=(NEEDED_KEY,),
            answers={
                200: Answer(
                    "Entered",
                    CalendarReceipt,
                    {"name": "harbour_bank", "zone": "Asia/Shanghai", "exceptions": 2},
                )
            },
            refusals=(
                *OPERATION_REFUSALS,
                "idempotency_key_missing",
                "calendar_name_malformed",
                "calendar_reserved",
                "zone_unknown",
                "row_state_changed",
            ),
        )
    },
)
async def enter_business_calendar(
    request: AnyRequest, name: FromPath[str], caller: TheCaller, services: TheServices
) -> Response[bytes]:
    """Enter a calendar; batches that are made from now on follow it."""
    body = await _NEW_CALENDAR.read(request)
    exceptions = {**dict.fromkeys(body.closed, False), **dict.fromkeys(body.open, True)}
    new = Calendar(name, body.zone, exceptions)
    reply = await carry(
        services,
        asked(caller, None, f"calendar.enter/{name}", content_of(body), needed_key(request)),
        lambda: services.database.as_operator(lambda conn: find_entered(conn, new.name)),
        lambda asking, _, kept: enter_calendar(asking, kept, new),
    )
    return to_response(Reply(200, reply))


@get(
    "/v1/business-calendars",
    opt={
        KEY: Documentation(
            name="listBusinessCalendars",
            topic="Settlement",
            summary="List the business calendars",
            access="any credential",
            answers={200: Answer("All of them", CalendarList, {"items": [{"name": "china", **_EXAMPLE}]})},
        )
    },
)
async def list_business_calendars(caller: TheCaller, services: TheServices) -> Response[bytes]:
    """Return all calendars."""
    return json_reply(
        CalendarList([_view(each) for each in await services.database.as_caller(caller, all_calendars)])
    )


def _view(calendar: Calendar) -> CalendarView:
    days = sorted(calendar.exceptions.items())
    return CalendarView(
        name=calendar.name,
        zone=calendar.zone,
        closed=[day for day, is_open in days if not is_open],
        open=[day for day, is_open in days if is_open],
    )


HANDLERS = (enter_business_calendar, list_business_calendars)

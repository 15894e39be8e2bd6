"""The page for whoever is not logged in, the choice of the language, and the visual language of all pages."""

from litestar import Response, get, post

from karez.channels.web.charts import bars
from karez.channels.web.forms import Form
from karez.channels.web.languages import LANGUAGES
from karez.channels.web.visits import LANGUAGE_COOKIE, TheVisit, path_here

_YEAR_S = 365 * 86_400
_DAY_NS = 86_400_000_000_000
_SHOWN_TAKINGS = (42_000, 51_350, 38_020, 0, 66_200, 81_990, 74_510)


@post("/language", status_code=303, opt={"open": True})
async def choose_language(visit: TheVisit) -> Response[bytes]:
    """Keep the language and go back to the page."""
    code = visit.form.values.get("language", "")
    if code in LANGUAGES:
        visit.set_cookie(LANGUAGE_COOKIE, code, _YEAR_S)
    return visit.go(path_here(visit.form.values.get("back")))


@get("/styleguide", opt={"open": True})
async def show_styleguide(visit: TheVisit) -> Response[bytes]:
    """Show every part of which pages are made."""
    now_ns = visit.services.clock.now_ns()
    takings = [
        (
            visit.language.day(now_ns - (6 - number) * _DAY_NS),
            visit.language.money(amount_minor, "CNY"),
            amount_minor,
        )
        for number, amount_minor in enumerate(_SHOWN_TAKINGS)
    ]
    form = Form({"name": "Ana", "amount": "12.3.4"}).wrong(
        amount=visit.say("This is not an amount. Write it like 1234.50.")
    )
    return visit.page("styleguide.html", form=form, bars=bars(takings), takings=takings, now_ns=now_ns)


HANDLERS = (choose_language, show_styleguide)

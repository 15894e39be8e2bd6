"""From a template and values to a page."""

from collections.abc import Mapping
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from karez.channels.web import charts
from karez.channels.web.assets import asset
from karez.channels.web.browsers import browser_name
from karez.channels.web.languages import LANGUAGES, Language, translations


@cache
def _environment(code: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("karez.channels.web"),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.install_gettext_translations(translations(code), newstyle=True)  # type: ignore[attr-defined]
    language = LANGUAGES[code]
    environment.globals.update(
        asset=asset,
        language=language,
        languages=LANGUAGES,
        chart_width=charts.WIDTH,
        chart_height=charts.HEIGHT,
    )
    environment.filters.update(
        browser=browser_name,
        money=language.money,
        number=language.number,
        moment=language.moment,
        day=language.day,
    )
    return environment


def render(language: Language, template: str, values: Mapping[str, Any]) -> bytes:
    """Draw a page.

    Args:
        language: In which.
        template: File in ``templates``.
        values: What it shows.
    """
    return _environment(language.code).get_template(template).render(values).encode()

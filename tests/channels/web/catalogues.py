"""The texts that the pages can show, found in templates and code."""

from collections.abc import Iterator
from pathlib import Path

from babel.messages.extract import extract_from_dir

import karez.channels.web

_PACKAGE = Path(karez.channels.web.__file__).parent
_METHODS = [("**/templates/**.html", "jinja2.ext:babel_extract"), ("**.py", "python")]
_KEYWORDS = {"_": None, "say": None, "_marked": None}


def texts() -> Iterator[str]:
    """Every text, in English."""
    for _, _, text, _, _ in extract_from_dir(_PACKAGE, _METHODS, {}, _KEYWORDS):
        assert isinstance(text, str)
        yield text

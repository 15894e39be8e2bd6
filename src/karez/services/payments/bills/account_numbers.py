"""The form of a biller's account numbers: a small part of regular expressions that no number can make slow.

A form is a row of parts: a class of characters such as ``[0-9]`` or ``[A-Z0-9]``, a letter, a digit or a hyphen, each
with an optional count ``{8}`` or, once in a form, ``{8,12}``. A biller could not write ``([0-9]+)+``, with which one
number of 40 digits would keep a processor busy for years (OWASP, "Regular expression Denial of Service").

Worked example: ``CN-[0-9]{10}`` has ``CN-0012345678``.
"""

import re

from karez.core.outcomes import Rejected

LENGTH_MAX = 40

_PART = r"(?:\[(?:0-9|A-Z|a-z){1,3}\]|[A-Za-z0-9-])"
_FORM = re.compile(rf"(?:{_PART}(?:\{{[0-9]{{1,2}}(?:,[0-9]{{1,2}})?\}})?){{1,20}}", re.ASCII)


def check_form(form: str) -> None:
    """Refuse a form that is not made of parts.

    Rejections: ``account_form_invalid``.
    """
    if not _FORM.fullmatch(form) or form.count(",") > 1 or not _is_in_order(form):
        raise Rejected(
            "account_form_invalid",
            "The form of account numbers is not made of parts such as CN-[0-9]{10}, with one count of two bounds at "
            "most; write it so.",
        )


def check_number(form: str, number: str) -> None:
    """Refuse an account number that has another form.

    Rejections: ``account_number_malformed``.
    """
    if len(number) > LENGTH_MAX or not re.fullmatch(form, number, re.ASCII):
        raise Rejected(
            "account_number_malformed",
            f"{number[:LENGTH_MAX]!r} is no account number of this biller; its form is {form}.",
            form=form,
        )


def _is_in_order(form: str) -> bool:
    return all(int(least) <= int(most) for least, most in re.findall(r"\{(\d+),(\d+)\}", form))

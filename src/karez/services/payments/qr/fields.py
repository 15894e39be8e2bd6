"""Which fields a payment code of a shop has, and what each may contain.

Source: EMV QR Code Specification for Payment Systems, Merchant-Presented Mode 1.1, tables 3.1 to 3.8.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from karez.core.money import currency_exponent, currency_of_digits, parse_amount
from karez.core.outcomes import Rejected
from karez.services.payments.qr.data_objects import (
    VALUE_LENGTH_MAX,
    DataObject,
    check_unrepeated,
    parse_objects,
    too_long,
)

FORMAT, INITIATION = "00", "01"
CATEGORY, CURRENCY, AMOUNT, COUNTRY, NAME, CITY, POSTAL_CODE = "52", "53", "54", "58", "59", "60", "61"
ADDITIONAL, CHECKSUM, LANGUAGE = "62", "63", "64"

ACCOUNTS = tuple(f"{number:02}" for number in range(2, 52))
"""Where a payee's accounts stand, one for each scheme."""
ACCOUNT_TEMPLATES = ACCOUNTS[24:]
"""Of these, the ones that anybody may use, each a template that begins with a scheme's identifier."""

BILL_NUMBER, REFERENCE_LABEL, TERMINAL_LABEL, PURPOSE = "01", "05", "07", "08"
"""In the template of additional data."""
LANGUAGE_CODE, LOCAL_NAME, LOCAL_CITY = "00", "01", "02"
"""In the language template."""
SCHEME = "00"
"""In a template of an account."""

FORMAT_VERSION, STATIC, DYNAMIC = "01", "11", "12"

_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]*)?")


@dataclass(frozen=True, slots=True)
class _Form:
    pattern: re.Pattern[str]
    length_max: int
    meaning: str


def _form(pattern: str, length_max: int, meaning: str) -> _Form:
    return _Form(re.compile(pattern), length_max, meaning)


_PRINTABLE = "[ -~]+"
_ANYTHING = "(?s:.+)"
_ONE_LINE = "[^\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+"
"""Neither control characters nor those that turn the direction of writing, by which a name shows as another one."""

_FORMS: Mapping[str, _Form] = {
    FORMAT: _form(FORMAT_VERSION, 2, "01"),
    INITIATION: _form(f"{STATIC}|{DYNAMIC}", 2, "11 or 12"),
    CATEGORY: _form("[0-9]{4}", 4, "four digits"),
    CURRENCY: _form("[0-9]{3}", 3, "three digits"),
    AMOUNT: _form(_ANYTHING, 13, "an amount"),
    COUNTRY: _form("[A-Z]{2}", 2, "two capital letters"),
    NAME: _form(_PRINTABLE, 25, "printable ASCII"),
    CITY: _form(_PRINTABLE, 15, "printable ASCII"),
    POSTAL_CODE: _form(_PRINTABLE, 10, "printable ASCII"),
}
_ADDITIONAL_FORMS: Mapping[str, _Form] = {
    tag: _form(_PRINTABLE, 25, "printable ASCII")
    for tag in (BILL_NUMBER, "02", "03", "04", REFERENCE_LABEL, "06", TERMINAL_LABEL, PURPOSE)
}
_LANGUAGE_FORMS: Mapping[str, _Form] = {
    LANGUAGE_CODE: _form("[A-Za-z]{2}", 2, "two letters"),
    LOCAL_NAME: _form(_ONE_LINE, 25, "one line of text without control characters"),
    LOCAL_CITY: _form(_ONE_LINE, 15, "one line of text without control characters"),
}

_INNER_FORMS = {ADDITIONAL: _ADDITIONAL_FORMS, LANGUAGE: _LANGUAGE_FORMS}


def check_inside(tag: str, objects: Sequence[DataObject]) -> None:
    """Refuse what may not stand inside the template of additional data or of the language.

    Args:
        tag: The template's.
        objects: What stands in it.

    Rejections: ``qr_too_long``, ``qr_field_malformed``.
    """
    _check_forms(objects, _INNER_FORMS[tag], f"{tag}.")


def check_fields(objects: Sequence[DataObject]) -> None:
    """Refuse what is no payment code of a shop.

    Args:
        objects: All data objects without the check sum, in their order.

    Rejections: ``qr_not_merchant_presented``, ``qr_malformed``, ``qr_field_repeated``, ``qr_field_malformed``,
        ``qr_too_long``, ``qr_truncated``, ``qr_mandatory_field_missing``, ``qr_currency_unknown``,
        ``qr_amount_malformed``.
    """
    check_unrepeated(objects)
    for rule in _RULES:
        rule(objects)


def read_amount(text: str, currency: str) -> int:
    """Read an amount such as ``23.72``, ``98`` or ``98.`` into minor units.

    Args:
        text: As it stands in the code.
        currency: ISO 4217 letters.

    Rejections: ``qr_amount_malformed``.
    """
    exponent = currency_exponent(currency)
    try:
        amount_minor = parse_amount(text.removesuffix("."), exponent) if _AMOUNT.fullmatch(text) else 0
    except Rejected:
        amount_minor = 0
    if amount_minor == 0:
        raise Rejected(
            "qr_amount_malformed",
            f"The code asks for {text!r}, which is no amount of {currency} above 0; ask the shop for a correct code.",
            amount=text,
        )
    return amount_minor


def read_currency(digits: str) -> str:
    """Return the letters of a currency.

    Rejections: ``qr_currency_unknown``.
    """
    try:
        return currency_of_digits(digits)
    except Rejected:
        raise Rejected(
            "qr_currency_unknown",
            f"The code asks for the currency {digits}, which Karez does not know; ask for a code in another one.",
            digits=digits,
        ) from None


def not_merchant_presented(what: str = "no payment code of a shop, which begins with 000201") -> Rejected:
    """Return the refusal of a text that is something else.

    Args:
        what: What it is, after "This is".
    """
    return Rejected("qr_not_merchant_presented", f"This is {what}; scan the code that the shop shows.")


def _begins_as_a_payment_code(objects: Sequence[DataObject]) -> None:
    if not objects or objects[0] != (FORMAT, FORMAT_VERSION):
        raise not_merchant_presented()


def _check_sum_stands_at_the_end(objects: Sequence[DataObject]) -> None:
    if any(tag == CHECKSUM for tag, _ in objects):
        raise Rejected(
            "qr_malformed", "The check sum of this code is not its end; ask the shop for a correct code."
        )


def _has_what_every_code_has(objects: Sequence[DataObject]) -> None:
    tags = {tag for tag, _ in objects}
    if tags.isdisjoint(ACCOUNTS):
        raise _missing("02 to 51", "the payee's account")
    for tag, meaning in (
        (CATEGORY, "the kind of shop"),
        (CURRENCY, "the currency"),
        (COUNTRY, "the country"),
        (NAME, "the shop's name"),
        (CITY, "the shop's city"),
    ):
        if tag not in tags:
            raise _missing(tag, meaning)


def _has_fields_in_their_form(objects: Sequence[DataObject]) -> None:
    _check_forms(objects, _FORMS)


def _has_sound_templates(objects: Sequence[DataObject]) -> None:
    for tag, value in objects:
        if tag == ADDITIONAL:
            check_inside(tag, parse_objects(value, f"the field {tag}"))
        elif tag == LANGUAGE:
            inner = parse_objects(value, f"the field {tag}")
            check_inside(tag, inner)
            present = {inner_tag for inner_tag, _ in inner}
            if LANGUAGE_CODE not in present:
                raise _missing(f"{tag}.{LANGUAGE_CODE}", "the language")
            if LOCAL_NAME not in present:
                raise _missing(f"{tag}.{LOCAL_NAME}", "the shop's name in that language")
        elif tag in ACCOUNT_TEMPLATES and SCHEME not in dict(parse_objects(value, f"the field {tag}")):
            raise _missing(f"{tag}.{SCHEME}", "the scheme's identifier")


def _asks_for_money(objects: Sequence[DataObject]) -> None:
    fields = dict(objects)
    currency = read_currency(fields[CURRENCY])
    if AMOUNT in fields:
        read_amount(fields[AMOUNT], currency)


_RULES: Sequence[Callable[[Sequence[DataObject]], None]] = (
    _begins_as_a_payment_code,
    _check_sum_stands_at_the_end,
    _has_what_every_code_has,
    _has_fields_in_their_form,
    _has_sound_templates,
    _asks_for_money,
)
"""What a code must be, each rule relying on those before it."""


def _check_forms(objects: Sequence[DataObject], forms: Mapping[str, _Form], prefix: str = "") -> None:
    for tag, value in objects:
        form = forms.get(tag)
        if len(value) > (VALUE_LENGTH_MAX if form is None else form.length_max):
            raise too_long(prefix + tag, VALUE_LENGTH_MAX if form is None else form.length_max, len(value))
        if form is not None and not form.pattern.fullmatch(value):
            raise Rejected(
                "qr_field_malformed",
                f"The field {prefix}{tag} is {value!r} and must be {form.meaning}; use a correct code.",
                tag=prefix + tag,
            )


def _missing(tag: str, meaning: str) -> Rejected:
    return Rejected(
        "qr_mandatory_field_missing",
        f"The code lacks the field {tag}, {meaning}; ask the shop for a complete code.",
        tag=tag,
    )

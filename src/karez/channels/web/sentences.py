"""What the pages say about a refusal, by the code that the API shows; other codes keep their own sentence."""

from collections.abc import Callable

from karez.core.outcomes import Rejected


def _marked(text: str) -> str:
    """Mark a text for the catalogues."""
    return text


SENTENCES = {
    "amount_malformed": _marked("This is not an amount. Write it like 1234.50."),
    "amount_too_precise": _marked("This has more decimals than the currency has. Round it first."),
    "amount_too_large": _marked("This amount is too large. Send it in several parts."),
    "amount_not_positive": _marked("The amount must be more than zero."),
    "phone_malformed": _marked(
        "Write the phone number with its country code, like +86 138 0013 8000, or write an e-mail address."
    ),
    "email_malformed": _marked("The e-mail address is not complete. Write it like ana@example.org."),
    "name_malformed": _marked("Write a name of 1 to 200 letters."),
    "phone_taken": _marked(
        "Somebody has registered with this phone number already. Log in, or use another one."
    ),
    "email_taken": _marked(
        "Somebody has registered with this e-mail address already. Log in, or use another one."
    ),
    "password_too_short": _marked(
        "A password has at least 10 characters. Several unrelated words are easy to keep."
    ),
    "password_too_long": _marked("A password has at most 200 characters."),
    "password_too_simple": _marked("This password repeats a few characters. Use several unrelated words."),
    "password_like_name": _marked("This password contains your name, phone or e-mail. Choose another one."),
    "too_many_tries": _marked("There were too many tries. Wait two minutes and try again."),
    "payee_not_found": _marked(
        "Nobody who can be paid is known by this. Check it, or ask the person to register and open a balance."
    ),
    "payee_is_payer": _marked("This is you. Name another person."),
    "currency_not_open": _marked("Payments are not open in this currency."),
    "wallet_not_found": _marked("You have no balance in this currency yet. Open it on the home page first."),
    "wallet_frozen": _marked("Your balance is frozen, so nothing can leave it. Ask the operator."),
    "balance_too_low": _marked("Your balance is not enough for this. Enter a smaller amount."),
    "payment_limit_exceeded": _marked("This is more than you may send at once. Enter a smaller amount."),
    "day_limit_exceeded": _marked(
        "This is more than you may still spend within 24 hours. Enter less, or wait."
    ),
    "payment_refused": _marked("This payment was stopped for safety. Nothing was taken from your balance."),
    "payment_needs_confirmation": _marked(
        "This payment was stopped until it is confirmed in a second way. Nothing was taken from your balance."
    ),
}


def sentence_of(rejection: Rejected, gettext: Callable[[str], str]) -> str:
    """Return what a page says about a refusal.

    Args:
        rejection: The refusal.
        gettext: Translates into the visitor's language.
    """
    known = SENTENCES.get(rejection.code)
    return rejection.sentence if known is None else gettext(known)

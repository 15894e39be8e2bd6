"""The bank's page on which a customer confirms a card payment, as redirect gateways of 2005 had it."""

from html import escape

from karez.core.money import currency_exponent, format_minor
from karez.services.payments.banks.messages import Order

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}
<style>body{{font:16px sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem}}
label,input,button{{display:block;margin:.5rem 0;font:inherit}}</style></head>
<body><h1>Simulator Bank</h1>
<p>This bank is a simulator for trying things out: no money moves.</p>{body}</body></html>"""

_FORM = """<p>{text}</p><p><strong id="amount">{amount}</strong></p>
<form method="post">
<label for="card">Card number</label><input id="card" name="card" inputmode="numeric" autocomplete="off">
<button name="decision" value="confirm">Confirm the payment</button>
<button name="decision" value="decline" formnovalidate>Decline</button>
</form>"""

_WAITING = "<p>Your payment is being prepared; this page looks again by itself.</p>"


def challenge_page(order: Order) -> str:
    """Return the page with the form."""
    amount = f"{format_minor(order.amount_minor, currency_exponent(order.currency))} {order.currency}"
    body = _FORM.format(text=escape(order.text), amount=escape(amount))
    return _PAGE.format(title="Confirm a payment", head="", body=body)


def waiting_page() -> str:
    """Return the page of an order that has not come yet."""
    return _PAGE.format(title="One moment", head='<meta http-equiv="refresh" content="1">', body=_WAITING)


def ended_page(state: str) -> str:
    """Return the page of an order that needs no word of the customer any more."""
    return _PAGE.format(
        title="Payment", head="", body=f"<p>This payment is {escape(state)}; you can close the page.</p>"
    )

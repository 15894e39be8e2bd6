"""All sources that a payment can be taken from; a service adds its own here."""

from collections.abc import Mapping

from karez.services.payments.exchange import legs as exchange
from karez.services.payments.sources import balance, coupon
from karez.services.payments.sources.door import Source

SOURCES: Mapping[str, Source] = {
    balance.KIND: balance.BALANCE,
    coupon.KIND: coupon.COUPON,
    exchange.KIND: exchange.EXCHANGE,
}
"""By kind."""

"""What a bank's decisions mean for payments and refunds, for the worker that talks to the banks."""

from karez.services.payments.banks.settlers import Settlers
from karez.services.payments.sources import asking_bank, banked

SETTLERS: Settlers = {
    asking_bank.PURPOSE: asking_bank.SETTLER,
    banked.REFUND: banked.SETTLER,
}
"""By purpose."""

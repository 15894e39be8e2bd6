"""A bank that can be told to misbehave.

It keeps accounts and cards of customers, takes the instructions that ``karez.services.payments.banks`` sends, gives
statements, and shows the page on which a customer confirms a card payment. By rule, by amount or by seeded chance it
declines, times out before or after it has acted, breaks connections, answers late or wrongly, and decides later.

    python -m karez.simulators.bank --port 8430 --file bank.db --customers 20
"""

"""Six years of a real bank, carried out again on our book and compared with the bank's own balances.

The data is the PKDD'99 Discovery Challenge set (P. Berka, M. Sochorova): anonymised transactions of a Czech bank,
1993 to 1998, each with the balance of its account afterwards. It goes round in two forms, the original
``trans.asc`` and a translated ``trans*.csv``.

The rows of one account and day stand in no order, but only one order leads from balance to balance
(``day_order``). Amounts and balances are published rounded to 0.10 CZK, so a step may miss by as much; that
difference is booked by itself (``postings``), so that roundings do not add up over the years. What is compared in
the end is read back from the database (``comparison``), not what was computed on the way.
"""

"""Files that are exchanged with banks, as pure functions: payout orders out, account statements in and out."""

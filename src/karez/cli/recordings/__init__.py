"""Recordings of another ledger's answers, replayed against this one."""

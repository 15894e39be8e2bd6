"""Instructions to banks: money that a bank takes from a customer for Karez, or pays out for Karez, once each."""

"""Settlement: what shops have taken becomes theirs to spend, less the fees, on the next business day."""

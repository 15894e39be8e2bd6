"""What a payment is taken from: balances, coupons, banks, and whatever other services bring through the door."""

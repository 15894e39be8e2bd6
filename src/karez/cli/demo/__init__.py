"""``karez demo``: a small town that lives on Karez for a simulated month."""

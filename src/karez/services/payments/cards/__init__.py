"""Bank cards that people pay with: the vault of their numbers, binding them, their limits, and paying from them."""

"""Red packets: a gift of money in shares that people take, one each; what nobody takes goes back."""

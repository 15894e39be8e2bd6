"""How the outside reaches Karez."""

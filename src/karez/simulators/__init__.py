"""Stand-ins for what is outside of Karez, for demonstrations and tests: processes of their own that can misbehave."""

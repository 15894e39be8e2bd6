"""People, shops, institutions and their staff: who they are, what they may do, and what they allowed."""

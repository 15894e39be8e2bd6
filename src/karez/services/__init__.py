"""What people come for; each service decides with pure functions and leaves the rest to the floors around it."""

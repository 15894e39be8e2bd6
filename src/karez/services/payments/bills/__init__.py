"""Bills: billers upload them, people look them up and pay them, once or by a standing order."""

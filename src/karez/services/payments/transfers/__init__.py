"""Money that one person sends to another, named by id, phone or email."""

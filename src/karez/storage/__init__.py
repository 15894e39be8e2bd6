"""The floor that keeps what must not be lost: PostgreSQL, its roles, its migrations and the tenant wall."""

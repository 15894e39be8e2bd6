"""Which topics an endpoint wants: ``trade.paid`` by its name, ``trade.*`` by its beginning, ``*`` everything."""

TOPIC_PATTERN = r"^(\*|[a-z0-9_]+(\.[a-z0-9_]+)*(\.\*)?)$"


def patterns_of(topic: str) -> list[str]:
    """Return all filters that a topic passes: of ``trade.paid`` they are ``*``, ``trade.*`` and ``trade.paid``.

    Args:
        topic: What happened, in words divided by dots.
    """
    words = topic.split(".")
    return ["*", *(".".join(words[:count]) + ".*" for count in range(1, len(words))), topic]

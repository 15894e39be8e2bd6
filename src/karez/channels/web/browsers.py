"""What a browser calls itself, in words that its owner recognises."""

_PROGRAMS = (
    ("MicroMessenger", "WeChat"),
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def browser_name(user_agent: str) -> str:
    """Return program and system: ``Firefox · Windows``; of others what they call themselves, cut short.

    Args:
        user_agent: The header, which may say anything.
    """
    names = [
        next((name for mark, name in known if mark in user_agent), "") for known in (_PROGRAMS, _SYSTEMS)
    ]
    return " · ".join(filter(None, names)) or user_agent[:40]

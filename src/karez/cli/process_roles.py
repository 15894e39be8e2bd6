"""What each process of a Karez is told at its start.

It travels through a pipe: other users of the machine can read the arguments of a process, and its environment is
inherited by whatever it starts.
"""

import msgspec


class BookkeeperRole(msgspec.Struct, frozen=True, tag="bookkeeper"):
    """The one writer of the book.

    Attributes:
        database: Connection string of its login role.
        socket: Where it listens.
    """

    database: str
    socket: str


class WorkerRole(msgspec.Struct, frozen=True, tag="worker"):
    """Projections and background jobs.

    Attributes:
        database: Connection string of its login role.
        bookkeeper_socket: Where the bookkeeper listens.
        secret_key: The root of all derived keys.
        webhook_private_targets: Whether webhooks may go to any address and port.
    """

    database: str
    bookkeeper_socket: str
    secret_key: bytes
    webhook_private_targets: bool


class WebRole(msgspec.Struct, frozen=True, tag="web"):
    """One of the processes that answer requests.

    Attributes:
        database: Connection string of the web login role.
        bookkeeper_socket: Where the bookkeeper listens.
        secret_key: The root of all derived keys.
        listening_descriptor: The inherited socket that all web processes share.
        webhook_private_targets: Whether webhooks may go to any address and port.
    """

    database: str
    bookkeeper_socket: str
    secret_key: bytes
    listening_descriptor: int
    webhook_private_targets: bool


Role = BookkeeperRole | WorkerRole | WebRole


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a process says once, when it is ready or cannot be.

    Attributes:
        ready: Whether it is.
        code: Why not.
        sentence: The same for people.
    """

    ready: bool
    code: str = ""
    sentence: str = ""

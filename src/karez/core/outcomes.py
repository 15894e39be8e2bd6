"""How Karez says no: a stable code for programs and one sentence for people."""


class Rejected(Exception):
    """A request that cannot be carried out as it stands.

    Args:
        code: Stable snake_case name of the reason, documented and safe to branch on.
        sentence: What happened, to which item, and what to do next.
        facts: Further values a program may want, such as the limit that was hit.
    """

    def __init__(self, code: str, sentence: str, **facts: object) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence
        self.facts = facts

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"


class Unavailable(Exception):
    """Something that Karez stands on (database, disk, bookkeeper) is not usable right now.

    Args:
        code: Stable snake_case name of the reason.
        sentence: What happened and what the operator or caller does next.
        retry_after_s: Seconds after which a retry makes sense, where that is known.
    """

    def __init__(self, code: str, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(code, sentence)
        self.code = code
        self.sentence = sentence
        self.retry_after_s = retry_after_s

    def __str__(self) -> str:
        return f"{self.code}: {self.sentence}"

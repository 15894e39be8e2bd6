"""The part of a name that a payer is shown, to see that the money goes to the right person.

``masked_name("Ana 王小红") == "A** *红"``: enough to recognise somebody whom one knows, too little to learn who a
phone number belongs to. How long the name is stays hidden as well.

Source of the rule: JR/T 0171-2020 (Personal financial information protection technical specification), which has
names shown with a part of them masked.
"""

_WORDS_MAX = 3
_FIRST_IDEOGRAPH, _LAST_IDEOGRAPH = "\u3400", "\u9fff"


def masked_name(name: str) -> str:
    """Return a name with most of it hidden.

    Args:
        name: As its owner writes it.
    """
    return " ".join(_masked_word(word) for word in name.split()[:_WORDS_MAX])


def _masked_word(word: str) -> str:
    """Keep the first letter, or the last ideograph: the first one is the family name, which many share."""
    if _FIRST_IDEOGRAPH <= word[-1] <= _LAST_IDEOGRAPH:
        return f"*{word[-1]}" if len(word) > 1 else "*"
    return f"{word[0]}**" if len(word) > 1 else "*"

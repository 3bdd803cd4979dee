"""What a table can do wrong, said in one line."""

import math

# More digits than this no float64 has.
MOST_DIGITS = 17
# Characters of a cell or a name that are shown amid a sentence, and in a table.
LONGEST_QUOTED, LONGEST_SHOWN = 40, 80


class TableError(ValueError):
    """A table cannot be used as it is; the message names the place and the way out."""


class TableWarning(UserWarning):
    """Something in a table was left out or replaced; the message says what."""


def listed(names, limit: int = 5) -> str:
    """Write names as a short quoted list, the first few only.

    Examples
    --------
    >>> listed(["a", "b", "c"], limit=2)
    "'a', 'b' and 1 more"
    """
    names = list(names)
    shown = ", ".join(map(brief, names[:limit]))
    rest = len(names) - limit
    return f"{shown} and {rest} more" if rest > 0 else shown


def brief(text) -> str:
    """Quote a text, of a long one the beginning.

    Examples
    --------
    >>> brief("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…'"
    """
    return repr(shortened(text, LONGEST_QUOTED) if isinstance(text, str) else text)


def shortened(text: str, longest: int = LONGEST_SHOWN) -> str:
    """Leave of a long text the beginning.

    Examples
    --------
    >>> shortened("abc"), shortened("abcdef", longest=4)
    ('abc', 'abcd…')
    """
    return f"{text[:longest]}…" if len(text) > longest else text


def told_apart(*values: float, digits: int = 5) -> list[str]:
    """Write numbers with so many digits, and with more if they share their first ones.

    Examples
    --------
    >>> told_apart(2700.0, 4050.0, 6300.0), told_apart(1.7e9, 1.7e9 + 61.25)
    (['2700', '4050', '6300'], ['1700000000', '1700000061.25'])
    """
    size, spread = max(map(abs, values)), max(values) - min(values)
    shared = int(math.log10(size) - math.log10(spread)) if 0 < spread <= size < math.inf else 0
    return [f"{value:.{min(digits + shared, MOST_DIGITS)}g}" for value in values]

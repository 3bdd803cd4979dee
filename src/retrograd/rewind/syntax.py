"""Syntax: from the text of an expression to a tree, and the error that points into the text."""

import ast
import re
from typing import Any, NoReturn

MAX_CHARACTERS = 500

# What the parser gets to see at all. In ASCII its columns are ours, and a number that runs into a
# word, as in 1or, is no token, because Python would warn of it.
_TOKEN = re.compile(
    r"[A-Za-z_][A-Za-z0-9_]*"
    r"|(?:[0-9][0-9_]*\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?(?![A-Za-z0-9_.])"
    r"|[<>=!]=|[-+*/%<>()\[\],: \t]"
)
_HINTS = {
    "=": "== compares; nothing is assigned, and functions take no named arguments",
    ".": "there are no attributes here",
    **dict.fromkeys("'\"`", "there is no text in this language"),
    **dict.fromkeys("&|~^!", "write and, or, not"),
    **dict.fromkeys("0123456789", "write numbers as in 12, 1_000, 0.5 or 1e-3"),
}


class ExpressionError(ValueError):
    """An expression that cannot be read, or cannot be worked out at this step.

    Attributes
    ----------
    reason : str
        What is wrong, or what to write instead.
    text : str
        The expression; empty if it is the whole that is wrong.
    start, end : int
        Where in the text, counted from 0, without the end.
    """

    def __init__(self, reason: str, text: str = "", start: int = 0, end: int = 0) -> None:
        self.reason, self.text, self.start, self.end = reason, text, start, end
        # A terminal must not be told anything by what somebody pasted.
        shown = "".join(letter if letter.isprintable() else "?" for letter in text)
        place = shown[start:end] if end - start <= 60 else shown[start : start + 59] + "…"
        super().__init__(
            f"at column {start + 1}{', ' if place else ''}{place}: {reason}\n"
            f"    {shown}\n    {' ' * start}{'^' * max(end - start, 1)}"
            if text
            else reason
        )

    def __reduce__(self) -> tuple:
        """Rebuild from the parts, so that it crosses process borders."""
        return type(self), (self.reason, self.text, self.start, self.end)


def tree_of(text: str) -> ast.expr:
    """Read a text that is short, in plain characters and in Python's grammar.

    Examples
    --------
    >>> type(tree_of("loss > 2"))
    <class 'ast.Compare'>
    """
    at = 0
    if not text:
        raise ExpressionError("the expression is empty: write one, as in loss > 2")
    if len(text) > MAX_CHARACTERS:
        raise ExpressionError(f"{len(text)} characters are too many, {MAX_CHARACTERS} may be")
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            hint = _HINTS.get(text[at], "this has no place in an expression")
            raise ExpressionError(hint, text, at, at + 1)
        at = token.end()
    try:
        return ast.parse(text, mode="eval").body
    except SyntaxError as error:
        # Where the text ends too early, Python gives no column, or one after its end.
        at = min(error.offset - 1, len(text)) if error.offset else len(text)
        # Its first sentence is true here, too; what follows speaks of more than there is.
        reason = f"not an expression: {re.split('[.;] ', error.msg)[0]}"
        raise ExpressionError(reason, text, at, min(at + 1, len(text))) from None
    except (MemoryError, RecursionError):
        raise ExpressionError("nested too deeply: ask in several expressions") from None


def fail(text: str, node: ast.expr, reason: str) -> NoReturn:
    """Say of a part of a text what is wrong with it."""
    raise ExpressionError(reason, text, node.col_offset, node.end_col_offset or 0)


def whole_number(
    text: str, node: ast.expr, otherwise: str = "a whole number is needed here"
) -> int:
    """Read a whole number as it is written, with its sign."""
    match node:
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() as sign, operand=ast.Constant() as digits):
            number = whole_number(text, digits, otherwise)
            return -number if isinstance(sign, ast.USub) else number
        case ast.Constant(value=int(number)) if not isinstance(number, bool):
            if number >= 2**63:
                fail(text, node, "too large for a whole number: write it as in 1e20")
            return number
    fail(text, node, otherwise)


def subscript(text: str, node: ast.expr) -> Any:
    """Read a subscript as NumPy takes it.

    Examples
    --------
    >>> text = "a[3, :2]"
    >>> subscript(text, tree_of(text).slice)
    (3, slice(None, 2, None))
    """
    match node:
        case ast.Tuple(elts=[_, *_] as parts):
            return tuple(subscript(text, part) for part in parts)
        case ast.Slice(lower=lower, upper=upper, step=step):
            ends = (
                None if end is None else whole_number(text, end) for end in (lower, upper, step)
            )
            return slice(*ends)
    return whole_number(text, node, "subscripts are whole numbers and slices, as in [3, 2], [:, 3]")

"""Reads what stands behind a command's name: numbers, parameters, the options of a log."""

import ast
import re
from typing import Any

from retrograd.rewind.debugger.track import DebuggerError

# Characters of a parameter's value.
MAX_LITERAL = 200


def read_changes(text: str) -> dict[str, Any]:
    """Read parameters, and what is to be edited, as ``name=value``.

    Values are Python's literals, or a word.

    Examples
    --------
    >>> read_changes("learning_rate_init=0.01 solver=adam betas=(1, 2)")
    {'learning_rate_init': 0.01, 'solver': 'adam', 'betas': (1, 2)}
    >>> read_changes("coefs[0][3, 2]=0.5 y[17]=virginica")
    {'coefs[0][3, 2]': 0.5, 'y[17]': 'virginica'}
    """
    parts = re.split(r"(?:^|\s+)([A-Za-z_]\w*(?:\[[^][=]*\])*)\s*=(?!=)", text.strip())
    if parts[0] or len(parts) < 3:
        raise DebuggerError("branch NAME=VALUE ..., as in branch learning_rate_init=0.01")
    changes = {}
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        if name in changes:
            raise DebuggerError(f"{name} is said twice: which of them is it to be?")
        changes[name] = _literal(name, value.strip().rstrip(","))
    return changes


def _literal(name: str, text: str) -> Any:
    if len(text) > MAX_LITERAL:
        raise DebuggerError(f"{name}: {len(text)} characters are too many for a value")
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, MemoryError, RecursionError, TypeError):
        if re.fullmatch(r"[A-Za-z_]\w*", text):
            return text
    shown = text if text.isprintable() else repr(text)
    raise DebuggerError(f"{name}={shown} has no value: write numbers, words, (tuples), True, None")


def log_options(rest: str) -> tuple[str, dict[str, str]]:
    """The expression of a log, and what is said behind it."""
    parts = re.split(r"\s+(every|from|to)\s+", f"{rest.strip()} ")
    options: dict[str, str] = {}
    for name, value in zip(parts[1::2], parts[2::2], strict=True):
        if name in options:
            raise DebuggerError(f"{name} is said twice: which of them is it to be?")
        options[name] = value.strip()
    return parts[0].strip(), options


def count(text: str) -> int:
    """Read how many; 1 if nothing is said."""
    n = integer(text, "how many") if text else 1
    if n < 1:
        raise DebuggerError(f"how many must be at least 1, not {n}")
    return n


def integer(text: str, what: str) -> int:
    """Read a whole number, or say what must be one."""
    if re.fullmatch(r"\s*-?\d[\d_,]{18,}\s*", text):
        raise DebuggerError(f"{what} is at most 18 digits long, not {text.strip()[:40]}")
    if not re.fullmatch(r"\s*-?\d+(?:[_,]\d+)*\s*", text):
        raise DebuggerError(f"{what} must be a whole number, not {text.strip()[:40]!r}")
    return int(text.replace(",", ""))


def nothing(rest: str, name: str) -> None:
    """Refuse what stands behind a command that takes nothing."""
    if rest.strip():
        raise DebuggerError(f"{name} takes nothing, not {rest.strip()[:40]!r}")

"""Spells signs out where an output has only ASCII, so that formulas keep their meaning."""

import codecs

# The name that encodings know it by.
SPELLED_OUT = "retrograd.spelled_out"
SPELLED = {
    "−": "-", "–": "-", "×": "x", "·": ".", "±": "+-", "≤": "<=", "≥": ">=", "→": "->",
    "√": "sqrt ", "½": "1/2", "²": "^2", "′": "'", "…": "...", "⋮": ":", "⋱": ":", "α": "alpha",
    "δ": "delta", "λ": "lambda", "μ": "mu", "π": "pi", "σ": "sigma", "φ": "phi", "Φ": "Phi",
    "─": "-", "═": "=", **dict.fromkeys("⎡⎢⎣⎤⎥⎦", "|"),
}  # fmt: skip


def spell(error: UnicodeError) -> tuple[str, int]:
    """Spell what an encoding lacks; what has no spelling is '?', as with ``errors='replace'``.

    Examples
    --------
    >>> "(1 − β) √2 → ½".encode("ascii", SPELLED_OUT)
    b'(1 - ?) sqrt 2 -> 1/2'
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    signs = error.object[error.start : error.end]
    return "".join(SPELLED.get(sign, "?") for sign in signs), error.end


codecs.register_error(SPELLED_OUT, spell)

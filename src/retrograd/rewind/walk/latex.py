"""A document as LaTeX: a fragment for amsmath, in ASCII, that any engine takes."""

import re
from collections.abc import Iterator

import numpy as np

from retrograd.rewind.walk.document import Document, Entries, Line, Section, Value
from retrograd.rewind.walk.numbers import (
    MORE_ACROSS,
    MORE_BOTH,
    MORE_DOWN,
    entry_grid,
    grid,
    numeral,
)

MOST = 6  # rows and columns of a matrix; LaTeX's own limit is 10 columns
SIGNS = {
    "\\": r"\textbackslash{}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "{": r"\{", "}": r"\}", "^": r"\textasciicircum{}", "~": r"\textasciitilde{}",
    "→": r"$\to$", "−": "$-$", "σ": r"$\sigma$", "′": "$'$", "ŷ": r"$\hat y$", "½": r"$\tfrac12$",
    "²": "$^2$", "≤": r"$\le$", "≥": r"$\ge$", "×": r"$\times$", "–": "--", "δ": r"$\delta$",
    "…": r"\dots{}", "<": "$<$", ">": "$>$", "|": "$|$",
}  # fmt: skip
DOTS = {MORE_DOWN: r"\vdots", MORE_ACROSS: r"\cdots", MORE_BOTH: r"\ddots"}
SCIENTIFIC = re.compile(r"(?<![\w.])(-?\d+(?:\.\d+)?)e([+-]?)0*(\d+)")


def latex_of(document: Document) -> str:
    r"""Draw a document as LaTeX.

    Examples
    --------
    >>> from retrograd.rewind.walk.document import Formula
    >>> z = Line(Formula("z", "z"), Formula("x @ W", "x W"), "(1, 2)", np.array([[1.0, -2.5]]))
    >>> print(latex_of(Document("A walk", (), (Section("Forward", (z,)),))))
    % needs \usepackage{amsmath, amssymb}
    \section*{A walk}
    <BLANKLINE>
    \subsection*{Forward}
    \begin{align*}
    z &= x W = \begin{pmatrix} 1.000000 & -2.500000 \end{pmatrix} && (1, 2)
    \end{align*}
    <BLANKLINE>
    """
    out = [r"% needs \usepackage{amsmath, amssymb}", rf"\section*{{{escaped(document.title)}}}"]
    out += [escaped(sentence) for sentence in document.introduction]
    for section in document.sections:
        out += ["", *_section(section)]
    return "\n".join(out) + "\n"


def escaped(text: str) -> str:
    r"""Write plain text so that LaTeX prints it.

    Examples
    --------
    >>> escaped("y_pred − y, 5 %")
    'y\\_pred $-$ y, 5 \\%'
    """
    written = "".join(SIGNS.get(sign, sign) for sign in text)
    return written.encode("ascii", errors="replace").decode()


def number(text: str) -> str:
    r"""Write a number, or a formula with numbers in it, in LaTeX's way.

    Examples
    --------
    >>> number("1.5000e-08"), number("inf"), number("e^{-z}")
    ('1.5000 \\cdot 10^{-8}', '\\infty', 'e^{-z}')
    """
    if text.lstrip("-") in ("inf", "nan"):
        return text.replace("inf", r"\infty").replace("nan", r"\mathrm{nan}").replace("--", "")
    return SCIENTIFIC.sub(
        lambda found: rf"{found[1]} \cdot 10^{{{'-' if found[2] == '-' else ''}{found[3]}}}",
        text,
    )


def _section(section: Section) -> Iterator[str]:
    yield rf"\subsection*{{{escaped(section.title)}}}"
    if section.remark:
        yield escaped(section.remark)
    together: list[str] = []
    for line in section.lines:
        if line.symbol.text:
            together.append(_line(line))
        if line.remark:
            yield from _aligned(together)
            together = []
            yield escaped(line.remark)
    yield from _aligned(together)


def _aligned(lines: list[str]) -> Iterator[str]:
    if lines:
        yield r"\begin{align*}"
        yield " \\\\\n".join(lines)
        yield r"\end{align*}"


def _line(line: Line) -> str:
    parts = [number(line.formula.latex)] if line.formula is not None else []
    parts += _value(line.value)
    said = f"{line.symbol.latex} &= {' = '.join(parts)}" if parts else f"{line.symbol.latex} &"
    shapes = line.shapes.replace("@", r"\,").replace("→", r"\to")
    shapes = shapes.replace("*", r"\odot").replace("−", "-")
    return f"{said} && {shapes}" if shapes else said


def _value(value: Value) -> list[str]:
    if isinstance(value, Entries):
        found = entry_grid(value, MOST)
        cells = [[rf"\mathrm{{{name}}}" for name in found.cells[0]], *found.cells[1:]]
        return [_matrix("matrix", cells)]
    if isinstance(value, np.ndarray):
        return [_matrix("pmatrix", grid(value, MOST, MOST).cells)]
    return [] if value is None else [number(numeral(value))]


def _matrix(kind: str, cells: list[list[str]]) -> str:
    rows = [" & ".join(DOTS.get(cell) or number(cell) for cell in row) for row in cells]
    body = " \\\\ ".join(rows)
    return rf"\begin{{{kind}}} {body} \end{{{kind}}}"

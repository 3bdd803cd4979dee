"""A document as HTML: one fragment that needs nothing else, for notebooks and pages."""

from collections.abc import Iterator
from html import escape

import numpy as np

from retrograd.rewind.walk.document import Document, Entries, Line, Section, Value
from retrograd.rewind.walk.numbers import Cells, entry_grid, grid, numeral

ROWS, COLUMNS = 9, 11

# Three times, so that a notebook's own rules for code and tables do not come before these.
WALK = ".retrograd-walk" * 3
# Its colours are those of what is around: whether that is dark, the system's setting does not say.
STYLE = f"""
{WALK} {{ color: inherit; padding: 0.5em 1em; max-width: 60em; line-height: 1.4; }}
{WALK} summary {{ font-weight: 600; margin: 0.8em 0 0.3em; cursor: pointer; }}
{WALK} .line {{ margin: 0.5em 0 0.5em 1em; }}
{WALK} code {{ background: none; color: inherit; padding: 0; }}
{WALK} .symbol {{ font-weight: 600; }}
{WALK} .shape, {WALK} .left-out {{ color: color-mix(in srgb, currentcolor 70%, transparent);
  font-size: 85%; }}
{WALK} .shape {{ margin-left: 1.5em; }}
{WALK} .why {{ border-left: 3px solid #c79200; padding-left: 0.7em; margin: 0.3em 0;
  font-size: 92%; }}
{WALK} .scroll {{ overflow-x: auto; }}
{WALK} table {{ border-collapse: collapse; margin: 0.2em 0; font-family: monospace;
  border-left: 1px solid currentcolor; border-right: 1px solid currentcolor; }}
{WALK} tr {{ background: none; }}
{WALK} td {{ text-align: right; padding: 0.1em 0.6em; color: inherit; background: none;
  border: none; }}
"""


def html_of(document: Document) -> str:
    """Draw a document as a fragment of HTML: no scripts, nothing from elsewhere, light and dark.

    Examples
    --------
    >>> from retrograd.rewind.walk.document import Formula
    >>> z = Line(Formula("z", "z"), Formula("a < b", "a < b"), "", 1.5)
    >>> print(html_of(Document("A walk", (), (Section("Forward", (z,)),))).split("</style>")[1])
    <h3>A walk</h3>
    <details open><summary>Forward</summary>
    <div class="line"><code class="symbol">z</code> = <code>a &lt; b</code> = <code>1.5</code></div>
    </details>
    </div>
    """
    out = [
        f'<div class="retrograd-walk"><style>{STYLE}</style>',
        f"<h3>{escape(document.title)}</h3>",
    ]
    out += [f"<p>{escape(sentence)}</p>" for sentence in document.introduction]
    for section in document.sections:
        out += _section(section)
    return "\n".join([*out, "</div>"])


def _section(section: Section) -> Iterator[str]:
    yield f"<details open><summary>{escape(section.title)}</summary>"
    if section.remark:
        yield f"<p>{escape(section.remark)}</p>"
    for line in section.lines:
        yield _line(line)
    yield "</details>"


def _line(line: Line) -> str:
    said = []
    if line.symbol.text:
        parts = [f'<code class="symbol">{escape(line.symbol.text)}</code>']
        if line.formula is not None:
            parts.append(f"<code>{escape(line.formula.text)}</code>")
        if isinstance(line.value, float | int):
            parts.append(f"<code>{numeral(line.value)}</code>")
        said.append(" = ".join(parts))
    if line.shapes:
        said.append(f'<span class="shape">{escape(line.shapes)}</span>')
    said.append(_table(line.value))
    if line.remark:
        said.append(f'<p class="why">{escape(line.remark)}</p>')
    return f'<div class="line">{"".join(said)}</div>'


def _table(value: Value) -> str:
    if isinstance(value, Entries):
        return _drawn(entry_grid(value, ROWS))
    if isinstance(value, np.ndarray):
        return _drawn(grid(value, ROWS, COLUMNS))
    return ""


def _drawn(found: Cells) -> str:
    rows = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>"
        for row in found.cells
    )
    below = f'<div class="left-out">{escape(found.left_out)}</div>' if found.left_out else ""
    return f'<div class="scroll"><table>{rows}</table></div>{below}'

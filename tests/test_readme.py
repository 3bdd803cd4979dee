"""The README's figures are those of the report, which the benchmark itself writes."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[1]


def table_after(text: str, heading: str) -> list[dict[str, str]]:
    """Rows of the first table below a heading, by the names of its columns."""
    lines = text[text.index(heading) :].splitlines()
    begin = next(k for k, line in enumerate(lines) if line.startswith("|"))
    rows = []
    for line in lines[begin:]:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip().strip("|").split("|")])
    return [dict(zip(rows[0], row, strict=True)) for row in rows[2:]]


def number(cell: str) -> float:
    """Number in a cell, infinity if there is none: nobody's time is that."""
    return float(re.sub(r"[,*]", "", cell) or "inf")


def test_how_fast_it_is_said_to_be() -> None:
    said = table_after((ROOT / "README.md").read_text("utf-8"), "## How fast")
    report = (ROOT / "benchmarks" / "README.md").read_text("utf-8")
    measured = {
        row["work"]: row
        for row in table_after(report, "### How many times as long as retrograd each takes")
    }
    assert len(said) >= 5
    for row in said:
        found = measured[row["network"].split(",")[0]]
        for name in ("scikit-learn", "Keras", "JAX"):
            assert number(row[name]) == number(found[name]), (row["network"], name)
        faster = min(number(found["PyTorch"]), number(found["PyTorch, compiled"]))
        assert number(row["PyTorch"]) == faster, row["network"]

"""Draws the report of a training, and the facts of a model file, as text."""

import os
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Literal
from unicodedata import category

from rich import box
from rich.console import Console
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from retrograd.engine.notes import counted
from retrograd.faces.hints import quoted
from retrograd.tables.errors import shortened, told_apart

Justify = Literal["left", "right"]
MOST_COLUMNS = 10_000
# Columns of a table, or facts of one kind, that are told one by one.
MOST_TOLD = 100
# More classes than this, and only what is confused most is shown.
WIDEST_CONFUSION = 8
# Zero-width, and part of words (Persian) and of emoji.
JOINERS = "\u200c\u200d"

ENDINGS = {
    "validation": "the validation score stopped rising",
    "converged": "the loss stopped falling",
    "diverged": "it diverged, the best epoch was kept",
    "stopped": "it stopped before it had converged",
    "epochs": "all epochs are used up",
}


def stdout_console() -> Console:
    """Draw on standard output; plain text if that is no terminal."""
    return _console(sys.stdout)


def stderr_console() -> Console:
    """Draw on standard error; plain text if that is no terminal."""
    return _console(sys.stderr)


def _console(stream) -> Console:
    columns = os.environ.get("COLUMNS", "")
    # 0 is how some terminals say that they don't know.
    width = shutil.get_terminal_size().columns if columns.isdigit() and not int(columns) else None
    return Console(file=stream, highlight=False, emoji=False, width=width)


def say(console: Console, text: str, style: str = "", indent: int = 0) -> None:
    """Print one line of text that may hold any characters; a terminal wraps it between words."""
    text = printable(text)
    if console.is_terminal:
        console.print(Padding(Text(text, style), (0, 0, 0, indent), expand=False))
    else:
        console.print(Text(" " * indent + text), soft_wrap=True)


def printable(text: str) -> str:
    r"""Leave out what would tell the terminal something: a file may hold anything.

    Examples
    --------
    >>> printable("run 1\x1b[2J → ended")
    'run 1?[2J → ended'
    >>> printable("می\u200cشود") == "می\u200cشود"
    True
    """
    return "".join(
        "?" if category(letter)[0] == "C" and letter not in JOINERS else letter for letter in text
    )


def _table(*columns: tuple[str, Justify]) -> Table:
    """Start a table without lines: names and justifications of its columns."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    for name, justify in columns:
        table.add_column(
            Text(printable(name)), justify=justify, header_style="bold", overflow="fold"
        )
    return table


def _show(console: Console, table: Table) -> None:
    """Print a table; without the blanks that fill its last column where nobody sees them."""
    if console.is_terminal:
        console.print(table)
        return
    with console.capture() as capture:
        console.print(table)
    for line in capture.get().splitlines():
        console.print(line.rstrip(), markup=False, soft_wrap=True)


def _cells(*cells) -> list[Text]:
    """Take text as it is: in a plain string Rich would look for markup, such as a label '[red]'."""
    return [Text(printable(str(cell))) for cell in cells]


def draw_table(console: Console, report: dict) -> None:
    """Draw what was found in the table, and what will be trained on it."""
    rows, columns = report["rows"], report["columns"]
    say(
        console,
        f"{report['file']}: {rows['table']:,} rows, {counted(len(columns), 'column')} to learn "
        f"{report['target']['name']!r} from",
        "bold",
    )
    say(console, f"{report['task'].capitalize()}, {_reason(report)}: {_target(report['target'])}")
    console.print()
    table = _table(("column", "left"), ("kind", "left"), ("missing", "right"), ("holds", "left"))
    for column in columns[:MOST_TOLD]:
        dim = "dim" if column["kind"] == "ignored" else None
        name, missing = shortened(column["name"]), column["missing"] or ""
        table.add_row(*_cells(name, column["kind"], missing, column["holds"]), style=dim)
    _show(console, table)
    if len(columns) > MOST_TOLD:
        say(console, f"and {counted(len(columns) - MOST_TOLD, 'more column')}")
    console.print()
    for note in report["notes"]:
        say(console, f"note: {note}", "yellow")
    split = f"Rows: {rows['train']:,} to learn from, "
    if rows["validation"]:
        split += f"{rows['validation']:,} to tell when to stop, "
    say(console, f"{split}{rows['test']:,} held out (seed {report['options']['seed']})")
    say(console, _plan(report))
    # Into a pipe too, this is to be read while the training lasts.
    console.file.flush()


def _reason(report: dict) -> str:
    """Say why the task is what it is."""
    reason = report["task_reason"]
    return reason if reason == "as asked" else f"since {report['target']['name']!r} {reason[3:]}"


def _target(target: dict) -> str:
    """Say what the target holds."""
    if "classes" not in target:
        low, middle, high = told_apart(target["min"], target["median"], target["max"])
        return f"{low} to {high}, median {middle}"
    most = sorted(target["classes"].items(), key=lambda item: -item[1])
    shown = ", ".join(f"{shortened(label)} {rows:,}" for label, rows in most[:6])
    rest = len(most) - 6
    return f"{shown} and {counted(rest, 'more class')}" if rest > 0 else shown


def _plan(report: dict) -> str:
    """Say which network is trained how."""
    options = report["options"]
    hidden = " → ".join(str(width) for width in options["hidden"])
    features = counted(report["features"], "feature")
    layers = f"{features} → {hidden} ({options['activation']})"
    if not hidden:
        layers = f"{features}, no hidden layer"
    if options["solver"] == "lbfgs":
        return f"Network: {layers}; lbfgs, {counted(options['epochs'], 'iteration')} at most"
    return (
        f"Network: {layers}; {options['solver']}, learning rate {options['lr']:g}, "
        f"batches of {options['batch']}, {counted(options['epochs'], 'epoch')} at most"
    )


def draw_results(console: Console, report: dict) -> None:
    """Draw how the training went, and how good the network is."""
    training, network = report["training"], report["network"]
    best = ""
    if training["best_epoch"] is not None:
        measure = "accuracy" if report["task"] == "classification" else "R²"
        best = (
            f", best validation {measure} {training['best_validation_score']:.3f} "
            f"at epoch {training['best_epoch']}"
        )
    compiling = ""
    if training["seconds_of_compiling"]:
        compiling = f" ({training['seconds_of_compiling']:.1f} of them for compiling, once)"
    say(
        console,
        f"Trained {network['parameters']:,} parameters for "
        f"{counted(training['epochs'], 'epoch')} in {training['seconds']:.1f} s{compiling}{best}; "
        f"{ENDINGS[training['ended']]}",
    )
    for note in training["notes"]:
        say(console, f"note: {note}", "yellow")
    console.print()
    _draw_scores(console, report)
    if "confusion" in report:
        _draw_confusion(console, report["confusion"])
    else:
        _draw_residuals(console, report["residuals"])


def _draw_scores(console: Console, report: dict) -> None:
    """Draw the held-out scores of the network and its rivals."""
    names = [key for key in report["scores"][0] if key not in ("model", "training")]
    table = _table(
        (f"on {report['rows']['test']:,} held-out rows", "left"),
        *((name.replace("R2", "R²"), "right") for name in names),
    )
    for place, scores in enumerate(report["scores"]):
        values = [_score(name, scores.get(name)) for name in names]
        table.add_row(*_cells(scores["model"], *values), style="bold" if place == 0 else None)
    _show(console, table)
    console.print()


def _score(name: str, value: float | None) -> str:
    """Write one score."""
    if value is None:
        return "-"
    # Adding 0 turns a -0.000 into a 0.000.
    return f"{value:.4g}" if name == "mean absolute error" else f"{round(value, 3) + 0.0:.3f}"


def _draw_confusion(console: Console, confusion: dict) -> None:
    """Draw the confusion matrix, or its largest entries if it is wide."""
    labels = [shortened(label) for label in confusion["labels"]]
    if (
        len(labels) > WIDEST_CONFUSION
        or sum(map(len, labels)) + 2 * len(labels) > console.width - 20
    ):
        table = _table(("true class", "left"), ("predicted", "left"), ("rows", "right"))
        for true, taken, rows in confusion["most"]:
            table.add_row(*_cells(shortened(true), shortened(taken), rows))
        if not confusion["most"]:
            say(console, "No held-out row was given the wrong class.")
    else:
        table = _table(("true \\ predicted", "left"), *((label, "right") for label in labels))
        for place, (label, counts) in enumerate(zip(labels, confusion["counts"], strict=True)):
            cells = _cells(label, *(count or "·" for count in counts))
            cells[place + 1] = Text(str(counts[place]), "bold")
            table.add_row(*cells)
    if table.rows:
        _show(console, table)
    console.print()


def _draw_residuals(console: Console, residuals: dict) -> None:
    """Draw how far off the predictions are."""
    table = _table(
        ("true - predicted", "left"), *((f"{p} %", "right") for p in residuals["quantiles"])
    )
    table.add_row("quantiles", *(f"{value:.4g}" for value in residuals["quantiles"].values()))
    _show(console, table)
    worst = residuals["worst"][0]
    true, predicted = told_apart(worst["true"], worst["predicted"], digits=4)
    place = f"row {worst['row']} (counting from 0)"
    say(console, f"Furthest off: {place}, true {true}, predicted {predicted}")
    console.print()


def draw_end(console: Console, report: dict) -> None:
    """Draw where the model is, and what to try next."""
    again = ", which it replaced" if report.get("replaced") else ""
    say(console, f"Saved to {report['saved']}{again}", "bold green")
    console.print()
    say(console, "What to try next", "bold")
    for line in report["next"]:
        say(console, line, indent=2)
    model = quoted(report["saved"])
    say(console, f"retrograd predict {model} {quoted(report['path'])}", indent=2)
    say(console, f"retrograd info {model}", indent=2)


def draw_rows(
    console: Console, columns: Sequence[tuple[str, Justify]], rows: Iterable[Sequence[str]]
) -> None:
    """Draw a table of any columns; into a pipe it is as wide as it needs to be.

    In a terminal that is not, each row is told in words: cells of a few letters are no table.
    """
    table, rows = _table(*columns), list(rows)
    for row in rows:
        table.add_row(*_cells(*row))
    options = console.options.update(width=MOST_COLUMNS)
    if not console.is_terminal:
        console = Console(file=console.file, highlight=False, emoji=False, width=MOST_COLUMNS)
    elif Measurement.get(console, options, table).maximum > console.width:
        names = [name for name, _ in columns]
        for first, *others in rows:
            say(console, f"{names[0]} {first}", "bold")
            told = zip(names[1:], others, strict=True)
            say(console, "; ".join(f"{name} {cell}" for name, cell in told if cell), indent=2)
        return
    _show(console, table)


def draw_facts(console: Console, name: str, facts: dict) -> None:
    """Draw the facts of a model file: a list of (name, text) pairs in sections."""
    say(console, name, "bold")
    for title, pairs in facts.items():
        console.print()
        table = _table((title, "left"), ("", "left"))
        for key, text in pairs[:MOST_TOLD]:
            table.add_row(*_cells(key, text))
        _show(console, table)
        if len(pairs) > MOST_TOLD:
            say(console, f"and {len(pairs) - MOST_TOLD:,} more")

"""A reader's own table: read within bounds, its target taken out, the rest encoded."""

import io
import warnings
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl
from sklearn.preprocessing import StandardScaler

from retrograd.engine.notes import counted
from retrograd.faces.page.datasets import SCALED, SCALED_Y, TOLD_SCALED_Y, Sample
from retrograd.faces.table_runs import remember
from retrograd.tables.encoder import TableEncoder
from retrograd.tables.errors import TableError
from retrograd.tables.reading import PARQUET_SUFFIXES, SEPARATORS, Table, read_table
from retrograd.tables.task import pose

# Bytes of a table that comes from the page, cells that it may have, and bytes once it is numbers.
MOST_UPLOADED = 32 << 20
MOST_CELLS = 20_000_000
MOST_COLUMNS = 20_000
MOST_ENCODED = 256 << 20
LONGEST_NAME = 120
TOLD_ENCODED = "features are as the table's encoder makes them: numbers less their median, scaled"


def read_uploaded(name: str, content: bytes) -> Table:
    """Read a table that a page has sent: its file's name and what is in it.

    Raises
    ------
    TableError
        If it is too large, or no table that can be read.
    """
    name = "".join(c for c in Path(name.replace("\\", "/")).name if c.isprintable())
    name = name[-LONGEST_NAME:].lstrip(".") or "table"
    if len(content) > MOST_UPLOADED:
        raise TableError(
            f"{name} has {len(content) / (1 << 20):.0f} MB, and the page takes tables up to "
            f"{MOST_UPLOADED >> 20} MB: give it on the command line, as in retrograd play {name}"
        )
    if name.lower().endswith(PARQUET_SUFFIXES):
        _check_cells(name, content)
    else:
        header = content.lstrip().partition(b"\n")[0]
        columns = 1 + max(header.count(separator.encode()) for separator in SEPARATORS)
        if columns > MOST_COLUMNS:
            raise TableError(
                f"{name} has {columns:,} columns, and the page takes tables of up to "
                f"{MOST_COLUMNS:,}: give it on the command line, as in retrograd play {name}"
            )
    with TemporaryDirectory(prefix="retrograd-") as folder:
        path = Path(folder) / name
        path.write_bytes(content)
        return read_table(path)


def _check_cells(name: str, content: bytes) -> None:
    """Refuse a Parquet file that is small but says that it holds very much."""
    try:
        file = pl.scan_parquet(io.BytesIO(content))
        cells = file.select(pl.len()).collect().item() * len(file.collect_schema())
    except (pl.exceptions.PolarsError, OSError):
        return  # read_table says what is wrong with it
    if cells > MOST_CELLS:
        raise TableError(
            f"{name} has {cells:,} cells, and the page takes tables up to {MOST_CELLS:,}"
        )


def encode(table: Table, file: str, path: str | None, target: str) -> Sample:
    """Make numbers of a table, as ``retrograd train`` does, but of all its rows.

    Parameters
    ----------
    table : Table
    file : str
        What it is called.
    path : str or None
        Where code is to read it from, or its mere name if that is not known; None is the penguins
        that come along.
    target : str
        The column to learn.

    Raises
    ------
    TableError
        If the target cannot be learned, or no column tells anything of it.
    """
    problem = pose(table.frame, target)
    encoder = TableEncoder(dtype="float64")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what there is to say is in its notes
        encoder.fit(problem.features)
        width = len(encoder.get_feature_names_out())
        if (n_bytes := 8 * len(problem.y) * width) > MOST_ENCODED:
            raise TableError(
                f"{file} is {counted(width, 'feature')} wide once its columns are numbers, "
                f"{n_bytes >> 20:,} MB: too much to play with; retrograd train takes it"
            )
        X = encoder.transform(problem.features)
    y, scaler = problem.y, None
    notes = [TOLD_ENCODED, *table.notes, *problem.notes, *encoder.notes_]
    lines, place = ["import polars as pl"], repr(path) if path else "PENGUINS"
    unknown = path is not None and not Path(path).is_absolute()
    lines += [SCALED] if problem.task == "regression" else []
    lines += [] if path else ["from retrograd.faces.page.datasets import PENGUINS"]
    lines += [
        "from retrograd.tables.encoder import TableEncoder",
        "from retrograd.tables.reading import read_table",
        "from retrograd.tables.task import pose",
        "",
        *(["# The page was given this table, but not its path: put that here."] if unknown else []),
        f"problem = pose(read_table({place}).frame, {target!r})",
        'encoder = TableEncoder(dtype="float64")',
        "X = encoder.fit_transform(problem.features)",
        "X = pl.DataFrame(X, schema=encoder.get_feature_names_out().tolist())",
        "y = problem.y",
    ]
    if problem.task == "regression":
        scaler = StandardScaler()
        y = scaler.fit_transform(y.reshape(-1, 1))[:, 0]
        lines.append(SCALED_Y)
        notes.append(TOLD_SCALED_Y)
    names = [str(name) for name in encoder.get_feature_names_out()]
    about = {"file": file, "target": {"name": problem.target}, "task": problem.task}
    if table.customs:
        about["customs"] = dict(table.customs)
    facts = remember(encoder, scaler, about)
    return Sample(X, y, names, problem.task, "\n".join(lines), notes, facts)

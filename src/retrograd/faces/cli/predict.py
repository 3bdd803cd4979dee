"""``retrograd predict``: a saved model on a new table."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from retrograd.faces.cli.errors import mendable
from retrograd.faces.cli.output import print_table


def predict(
    model: Annotated[Path, typer.Argument(help="A model saved by retrograd train.")],
    file: Annotated[Path, typer.Argument(help="The table: .csv, .tsv, .txt or .parquet.")],
    out: Annotated[
        Path | None,
        typer.Option(help="Where to write the predictions as CSV; else they are printed."),
    ] = None,
    proba: Annotated[bool, typer.Option(help="Add a probability for every class.")] = False,
) -> None:
    """Predict for every row of a table; columns are matched by name.

    Writes CSV: for each row, in order, the prediction in a column named after the target.
    """
    with mendable(smaller="fewer rows"):
        from retrograd.engine.notes import counted

        _check_out(out, model, file)
        content, rows = _predict(model, file, proba)
        if out is None:
            print_table(content)
        else:
            _write(out, content)
            print(f"Wrote {counted(rows, 'prediction')} to {out}")


def _predict(path: Path, file: Path, proba: bool) -> tuple[str, int]:
    """Predict, and write CSV as text."""
    import warnings

    import polars as pl

    from retrograd.export.container import ModelFileError
    from retrograd.export.model_file import read_facts
    from retrograd.faces.modelcard import customs_of, target_of
    from retrograd.faces.models import load_model
    from retrograd.tables.errors import TableWarning
    from retrograd.tables.frames import not_looked_at
    from retrograd.tables.reading import read_table

    model = load_model(path)
    document = read_facts(path)
    target = target_of(document) or "prediction"
    if not hasattr(model, "predict"):
        raise ModelFileError(f"{path} predicts nothing: it holds a {type(model).__name__}")
    if proba and not hasattr(model, "predict_proba"):
        raise ModelFileError(f"{path} is a regression: it has no probabilities for --proba")
    table = read_table(file, text_columns=_text_columns(model), customs=customs_of(document))
    _print_notes(table.notes)  # at once: they may explain the error that follows
    notes = []
    features = table.frame
    if target in features.columns and target not in _wanted(model):
        notes.append(not_looked_at(target))
        features = features.drop(target)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", TableWarning)
        features = _inputs(model, features, path)
        columns = _columns(target, model.predict(features))
        if proba:
            # Predicting twice tells everything twice.
            warnings.simplefilter("ignore", TableWarning)
            shares = model.predict_proba(features)
            names = [f"{target}={label}" for label in model.classes_]
            columns |= dict(zip(names, shares.T, strict=True))
    _print_notes([*notes, *(str(warning.message) for warning in caught)])
    return pl.DataFrame(columns).write_csv(), len(table.frame)


def _columns(target: str, predicted) -> dict:
    """Predictions by the names of their columns, one for each output."""
    if predicted.dtype.kind in "bmM":
        # As the labels are told elsewhere, in the names of probabilities too: polars writes 'true'.
        predicted = predicted.astype(str)
    if predicted.ndim == 1:
        return {target: predicted}
    return {f"{target}[{k}]": output for k, output in enumerate(predicted.T)}


def _print_notes(notes) -> None:
    for note in notes:
        print(f"note: {note}", file=sys.stderr)


def _check_out(out: Path | None, model: Path, file: Path) -> None:
    """Refuse to write the predictions over what they are made from."""
    from retrograd.export.container import ModelFileError

    for source in (model, file):
        if out is not None and out.exists() and source.exists() and out.samefile(source):
            raise ModelFileError(f"--out {out} would overwrite {source}: choose another name")


def _encoder(model):
    """Find the model's table encoder, if it has one."""
    first = model[0] if hasattr(model, "steps") else None
    return first if hasattr(first, "columns_") else None


def _wanted(model) -> list[str]:
    """List the columns that the model was trained with."""
    return [str(name) for name in getattr(model, "feature_names_in_", [])]


def _text_columns(model) -> list[str]:
    """List the columns whose digits are names, even if a new file has nothing but digits there."""
    encoder = _encoder(model)
    if encoder is None:
        return []
    return [column.name for column in encoder.columns_ if column.kind == "category"]


def _inputs(model, frame, path: Path):
    """Choose what to hand to the model: the frame, or a matrix if it has no encoder."""
    import numpy as np

    from retrograd.tables.errors import TableError
    from retrograd.tables.frames import plain_columns

    if _encoder(model) is not None:
        return frame
    names = _wanted(model) or frame.columns
    if len(names) != model.n_features_in_:
        raise TableError(
            f"{path.name} takes {model.n_features_in_} columns, the table has {len(names)}"
        )
    columns = plain_columns(frame, names)
    odd = [
        name
        for name, found in columns.items()
        if found.kind not in ("number", "boolean") or np.isnan(found.values).any()
    ]
    if odd:
        raise TableError(
            f"column {odd[0]!r} must hold numbers without gaps: {path.name} has no table encoder"
        )
    return np.column_stack([found.values for found in columns.values()])


def _write(out: Path, content: str) -> None:
    """Write a whole file or none."""
    from retrograd.export.container import ModelFileError
    from retrograd.rewind.files import write_whole

    try:
        write_whole(out, content.encode(), "table")
    except OSError as error:
        raise ModelFileError(f"{out} cannot be written: {error.strerror}") from None

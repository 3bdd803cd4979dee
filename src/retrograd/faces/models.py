"""save_model and load_model for every model that retrograd itself makes, tables included."""

from dataclasses import replace

from retrograd.tables.dates import DateColumn
from retrograd.tables.encoder import TableEncoder

STEPS = {"TableEncoder": TableEncoder}


def save_model(model, path, *, facts: dict | None = None) -> None:
    """Save a fitted model as one data-only file.

    Parameters
    ----------
    model : fitted estimator
        An ``MLPClassifier`` or ``MLPRegressor``, alone, within a ``TransformedTargetRegressor``
        that scales its target by a ``StandardScaler``, or behind a ``TableEncoder`` or
        ``StandardScaler`` in a ``Pipeline``.
    path : str or path
        By custom it ends in ``.safetensors``. A file that is already there is replaced.
    facts : dict, optional
        Anything worth remembering of the training that JSON can hold.

    Raises
    ------
    ModelFileError
        If the model is not fitted, has a part that a file cannot hold, or cannot be written.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> import polars as pl
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "encoder.safetensors"
    >>> save_model(TableEncoder().fit(pl.DataFrame({"x": [1, 2, 3]})), path)
    >>> load_model(path).transform(pl.DataFrame({"x": [2]}))
    array([[0.]], dtype=float32)
    """
    from retrograd.export import model_file  # what a file can hold is slow to import

    model_file.save_model(model, path, facts=facts, steps=STEPS)


def load_model(path):
    """Load a model, ready to predict the very same numbers as before.

    Nothing in the file is executed or unpickled. The file holds no optimizer's memory: a loaded
    model that is trained on starts Adam's moments (or SGD's velocity) anew.

    Parameters
    ----------
    path : str or path

    Returns
    -------
    fitted estimator

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a model file, or was cut short, edited or forged.

    Examples
    --------
    >>> load_model("nowhere.safetensors")
    Traceback (most recent call last):
    retrograd.export.container.ModelFileError: nowhere.safetensors does not exist
    """
    from retrograd.export import model_file  # what a file can hold is slow to import

    model, document = model_file.load_described(path, steps=STEPS)
    first = model[0] if hasattr(model, "steps") else model
    if isinstance(first, TableEncoder):
        _tell(first, document)
    return model


def _tell(encoder: TableEncoder, document: dict) -> None:
    """Tell an encoder what a table's reader had found out, and its own state does not say."""
    from retrograd.faces.modelcard import customs_of, target_of
    from retrograd.tables.parsing import CUSTOMS

    encoder.target_ = target_of(document)
    customs = {name: one for name, one in customs_of(document).items() if one in CUSTOMS}
    encoder.columns_ = [
        replace(column, custom=column.custom or customs.get(column.name, ""))
        if isinstance(column, DateColumn)
        else column
        for column in encoder.columns_
    ]

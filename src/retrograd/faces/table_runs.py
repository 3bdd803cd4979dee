"""Recorded trainings on a table: what they remember of it, so that they can end with a whole model.

A run has the network and the rows as the network saw them. Of the table it has, among its facts,
how the columns were encoded and the target scaled, and what the model's file is to say.
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from retrograd.estimators.plain import PlainDataError, fact

if TYPE_CHECKING:
    from sklearn.preprocessing import StandardScaler

    from retrograd.rewind.run import Run
    from retrograd.tables.encoder import TableEncoder


def remember(
    encoder: "TableEncoder", scaler: "StandardScaler | None", about: dict, out: str | None = None
) -> dict:
    """Facts for the ``Recorder`` of a training on a table.

    Parameters
    ----------
    encoder : fitted TableEncoder
    scaler : fitted StandardScaler or None
        Of a regression's target.
    about : dict
        What the model's file is to say of the training.
    out : str, optional
        Where its model is to be saved.

    Returns
    -------
    dict
    """
    from retrograd.export.parts import pack_scaler

    arrays, state = encoder.to_state()
    table = {
        "about": about,
        "features": [str(name) for name in encoder.get_feature_names_out()],
        "encoder": [_lists(arrays), state],
    }
    if scaler is not None:
        arrays = {}
        state = pack_scaler(scaler, "", arrays)
        table["target"] = [_lists(arrays), state]
    if out is not None:
        table["out"] = out
    return {"table": table}


def numbering_of(facts: dict) -> str:
    """Say how the numbers of a run's data are to be read; nothing if it is of no table.

    Examples
    --------
    >>> numbering_of({"table": {"target": []}})[-24:]
    'targets are standardised'
    >>> numbering_of({})
    ''
    """
    table = facts.get("table")
    if not isinstance(table, dict):
        return ""
    rows = "rows count from 0 among those of the table that the training was given"
    if "target" not in table:
        return rows
    return f"{rows}; targets are standardised"


def place_of_model(run: "Run") -> str | None:
    """Where the model of a run is to be saved; None if nobody has said so, or it is a branch."""
    table = run.facts.get("table")
    if not isinstance(table, dict) or "out" not in table or run.header.parent is not None:
        return None
    try:
        return fact(table, "out", str)
    except PlainDataError as error:
        from retrograd.rewind.store import RunFileError

        raise RunFileError(
            f"{run.store.name} has a run whose table is impossible ({error})"
        ) from None


def is_followed(place: str) -> bool:
    """Whether a model is saved there because a file of runs says so, and not its user.

    A file may come from anybody: it chooses no place outside the folder one works in, where it
    could write into what other programs read.

    Examples
    --------
    >>> is_followed("models/penguins.safetensors"), is_followed("../x.safetensors")
    (True, False)
    >>> is_followed("/usr/lib/x.safetensors"), is_followed("notes.pth")
    (False, False)
    """
    path = Path(place)
    return not path.is_absolute() and ".." not in path.parts and path.suffix == ".safetensors"


def whole_model(run: "Run", network: Any) -> tuple[Any, dict]:
    """Put what was around a run's network around it again.

    Parameters
    ----------
    run : Run
    network : fitted MLPClassifier or MLPRegressor
        It becomes a part of the model.

    Returns
    -------
    model : Pipeline, or the network itself if the run is of no table
    about : dict
        What the model's file is to say of the training.

    Raises
    ------
    RunFileError
        If the file says of the table what cannot be.
    """
    if "table" not in run.facts:
        return network, {}
    from sklearn.pipeline import Pipeline

    from retrograd.export.model_file import scaled_target
    from retrograd.export.parts import Tensors, unpack_scaler
    from retrograd.rewind.store import RunFileError
    from retrograd.tables.encoder import TableEncoder

    try:
        table = fact(run.facts, "table", dict)
        encoder = TableEncoder.from_state(*_state(table, "encoder"))
        if hasattr(network, "feature_names_in_"):
            del network.feature_names_in_  # it gets its rows from the encoder, without names
        if "target" in table:
            arrays, state = _state(table, "target")
            network = scaled_target(network, unpack_scaler(state, "", Tensors(arrays)))
        about = fact(table, "about", dict)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise RunFileError(
            f"{run.store.name} has a run whose table cannot be rebuilt ({reason})"
        ) from None
    return Pipeline([("table", encoder), ("network", network)]), about


def _lists(arrays: dict[str, np.ndarray]) -> dict[str, list]:
    return {name: array.tolist() for name, array in arrays.items()}


def _state(table: dict, name: str) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and plain facts of one part."""
    arrays, state = fact(table, name, list)
    return {key: np.array(values, dtype=np.float64) for key, values in arrays.items()}, state

"""Recorded trainings on a table: what they remember of it, so that they can end with a whole model.

A run has the network and the rows as the network saw them. Of the table it has, among its facts,
how the columns were encoded and the target scaled, and what the model's file is to say.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

from retrograd.estimators.plain import fact
from retrograd.export.model_file import scaled_target
from retrograd.export.parts import Tensors, pack_scaler, unpack_scaler
from retrograd.faces.experiment import Experiment
from retrograd.faces.report import facts_of_table
from retrograd.rewind.store import RunFileError
from retrograd.tables.encoder import TableEncoder

if TYPE_CHECKING:
    from retrograd.rewind.run import Run


def remember(experiment: Experiment, report: dict, out: str) -> dict:
    """Facts for the ``Recorder`` of a training on a table.

    Parameters
    ----------
    experiment : Experiment
    report : dict
        What is known before the training.
    out : str
        Where its model is to be saved.

    Returns
    -------
    dict
    """
    arrays, state = experiment.encoder.to_state()
    table = {
        "out": out,
        "model": facts_of_table(report),
        "features": experiment.encoder.get_feature_names_out().tolist(),
        "encoder": [_lists(arrays), state],
    }
    if experiment.problem.task == "regression":
        arrays = {}
        scaler = StandardScaler().fit(experiment.y_train.reshape(-1, 1))
        state = pack_scaler(scaler, "", arrays)
        table["target"] = [_lists(arrays), state]
    return {"table": table}


def place_of_model(run: "Run") -> str | None:
    """Where the model of a run is to be saved; None if it is of no table, or a branch."""
    table = run.facts.get("table")
    if not isinstance(table, dict) or run.header.parent is not None:
        return None
    return fact(table, "out", str)


def whole_model(run: "Run", network: Any) -> tuple[Any, dict]:
    """Put what was around a run's network around it again.

    Parameters
    ----------
    run : Run
    network : fitted MLPClassifier or MLPRegressor

    Returns
    -------
    model : Pipeline, or the network itself if the run is of no table
    facts : dict
        What the model's file is to say of the training.

    Raises
    ------
    RunFileError
        If the file says of the table what cannot be.
    """
    if "table" not in run.facts:
        return network, {}
    try:
        table = fact(run.facts, "table", dict)
        encoder = TableEncoder.from_state(*_state(table, "encoder"))
        if "target" in table:
            arrays, state = _state(table, "target")
            network = scaled_target(network, unpack_scaler(state, "", Tensors(arrays)))
        facts = fact(table, "model", dict)
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
        raise RunFileError(
            f"{run.store.name} has a run of a table unknown ({' '.join(str(error).split())[:200]})"
        ) from None
    return Pipeline([("table", encoder), ("network", network)]), facts


def _lists(arrays: dict[str, np.ndarray]) -> dict[str, list]:
    return {name: array.tolist() for name, array in arrays.items()}


def _state(table: dict, name: str) -> tuple[dict[str, np.ndarray], dict]:
    """Arrays and plain facts of one part."""
    arrays, state = fact(table, name, list)
    return {key: np.array(values, dtype=np.float64) for key, values in arrays.items()}, state

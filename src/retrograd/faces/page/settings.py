"""What a reader has put into the playground's fields: checked, one message a field."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from retrograd.engine.network import Network
from retrograd.engine.optimizers import SOLVERS
from retrograd.faces.page.datasets import DATASETS
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.expressions import Expression
from retrograd.rewind.scan import BEFORE

MOST_LAYERS, MOST_UNITS = 6, 1024
MOST_ROWS, MOST_EPOCHS = 20_000, 100_000
TABLE = "table"
# When a training ends: the field's value, and what it is called.
ENDS = {
    "epochs": "after the last epoch",
    "loss": "when the loss stalls",
    "score": "when the validation score stalls",
}
# What a stop condition may ask for: what is at hand when an epoch is over.
STOP_NAMES = BEFORE | {"loss", "gradient_norm"}

START: dict[str, Any] = {
    "data": "circle", "rows": "300", "noise": "0.05", "data_seed": "0", "target": "",
    "layers": [{"units": "6", "activation": "tanh"}, {"units": "4", "activation": "tanh"}],
    "solver": "adam", "learning_rate_init": "0.01", "batch_size": "30", "alpha": "0.0001",
    "random_state": "0", "max_iter": "200", "ends": "epochs", "patience": "10",
    "validation_fraction": "0.1", "stop": "",
}  # fmt: skip


class FieldError(ValueError):
    """Fields cannot be used as they are.

    Attributes
    ----------
    fields : dict
        What is wrong, by the name of the field.
    """

    def __init__(self, fields: dict[str, str]) -> None:
        self.fields = fields
        super().__init__("; ".join(f"{name}: {text}" for name, text in fields.items()))


class TrainingPlan(NamedTuple):
    """A training to come: parameters of the estimator, and when to stop beside."""

    parameters: dict[str, Any]
    stop: str


class _Fields:
    """Reads fields one after the other, and gathers what is wrong."""

    def __init__(self, given: dict) -> None:
        self.given, self.wrong = given, {}  # type: dict, dict[str, str]

    def whole(self, name: str, least: int, most: int) -> int:
        """A whole number."""
        return int(self._read(name, least, most, whole=True))

    def number(self, name: str, least: float, most: float, above: bool = False) -> float:
        """A number from ``least`` to ``most``, or above ``least``."""
        return self._read(name, least, most, above=above)

    def _read(
        self, name: str, least: float, most: float, whole: bool = False, above: bool = False
    ) -> float:
        value = read_number(self.given.get(name))
        low = value is not None and (value <= least if above else value < least)
        broken = whole and value is not None and value != int(value)
        if value is None or low or value > most or broken:
            self.wrong[name] = _bounds(least, most, whole, above)
            return least
        return value

    def one_of(self, name: str, known: Any) -> str:
        """One of some texts."""
        value = self.given.get(name)
        if not isinstance(value, str) or value not in known:
            self.wrong[name] = f"one of {', '.join(known)}"
            return next(iter(known))
        return value

    def end(self) -> None:
        """Raise if anything is wrong."""
        if self.wrong:
            raise FieldError(self.wrong)


def read_number(text: Any) -> float | None:
    """Read a number that was typed; None if it is none.

    Examples
    --------
    >>> read_number(" 1e-3 "), read_number("1,5"), read_number("nan"), read_number("1_0")
    (0.001, None, None, None)
    """
    if isinstance(text, bool) or not isinstance(text, str | int | float):
        return None
    text = str(text).strip().replace("−", "-")
    try:
        value = float(text) if len(text) <= 40 and "_" not in text else math.nan
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _bounds(least: float, most: float, whole: bool, above: bool) -> str:
    """Say which numbers a field takes."""
    what = "a whole number" if whole else "a number"
    if math.isinf(most):
        return f"{what} {'above' if above else 'of at least'} {least:g}"
    return (
        f"{what} {'above' if above else 'from'} {least:g} {'up ' if above else ''}to {most:,.10g}"
    )


def check_data(given: dict) -> dict[str, Any]:
    """Check the fields that choose the data.

    Returns
    -------
    dict
        ``data``, and ``rows``, ``noise`` and ``data_seed`` or ``target`` where it has these.

    Raises
    ------
    FieldError
    """
    fields = _Fields(given)
    name = fields.one_of("data", [*DATASETS, TABLE])
    told: dict[str, Any] = {"data": name}
    known = DATASETS.get(name)
    if known is not None and known.make is not None:
        told |= {
            "rows": fields.whole("rows", 10, MOST_ROWS),
            "noise": fields.number("noise", 0.0, 1.0),
            "data_seed": fields.whole("data_seed", 0, 2**32 - 1),
        }
    elif known is None or known.task == "table":
        told["target"] = given.get("target")
        if not isinstance(told["target"], str) or not told["target"]:
            fields.wrong["target"] = "choose the column to learn"
    fields.end()
    return told


def check_network(given: dict, n_rows: int, early: bool) -> TrainingPlan:
    """Check the fields that choose the network and its training.

    Parameters
    ----------
    given : dict
    n_rows : int
        Rows there are to learn from.
    early : bool
        Whether so few rows leave some for validation.

    Raises
    ------
    FieldError
    """
    fields = _Fields(given)
    hidden, activations = _check_layers(fields)
    ends = fields.one_of("ends", ENDS)
    epochs = fields.whole("max_iter", 1, MOST_EPOCHS)
    parameters: dict[str, Any] = {
        "hidden_layer_sizes": tuple(hidden),
        "activation": activations if len(set(activations)) > 1 else next(iter(activations), "relu"),
        "solver": fields.one_of("solver", SOLVERS),
        "learning_rate_init": fields.number("learning_rate_init", 0.0, math.inf, above=True),
        "alpha": fields.number("alpha", 0.0, math.inf),
        "batch_size": min(n_rows, fields.whole("batch_size", 1, 100_000)),
        "random_state": fields.whole("random_state", 0, 2**32 - 1),
        "max_iter": epochs,
        # As many as there are: then nothing but the last epoch ends it.
        "n_iter_no_change": epochs,
    }
    if ends != "epochs":
        parameters["n_iter_no_change"] = fields.whole("patience", 1, MOST_EPOCHS)
    if ends == "score":
        parameters["early_stopping"] = True
        share = fields.number("validation_fraction", 0.0, 0.9, above=True)
        parameters["validation_fraction"] = share
        if math.ceil(share * n_rows) < 2 or int((1 - share) * n_rows) < 2 or not early:
            fields.wrong.setdefault("validation_fraction", f"too little of {n_rows:,} rows")
    stop = given.get("stop")
    if not isinstance(stop, str):
        fields.wrong["stop"] = "a condition, such as loss < 0.01"
    elif stop.strip():
        _check(fields, "stop", lambda: check_stop(stop))
    fields.end()
    return TrainingPlan(parameters, str(stop).strip())


def _check_layers(fields: _Fields) -> tuple[list[int], list[str]]:
    """Widths and activations of the hidden layers."""
    layers = fields.given.get("layers")
    if not isinstance(layers, list) or len(layers) > MOST_LAYERS:
        fields.wrong["layers"] = f"at most {MOST_LAYERS} hidden layers"
        return [], []
    widths, activations = [], []
    for number, layer in enumerate(layers):
        inner = _Fields(layer if isinstance(layer, dict) else {})
        widths.append(inner.whole("units", 1, MOST_UNITS))
        activations.append(inner.one_of("activation", ACTIVATIONS))
        for name, text in inner.wrong.items():
            fields.wrong[f"{name} {number}"] = text
    return widths, activations


def _check(fields: _Fields, name: str, work: Callable[[], Any]) -> None:
    try:
        work()
    except ValueError as error:
        fields.wrong[name] = str(error).splitlines()[0]


def check_stop(text: str) -> Expression:
    """Read a stop condition.

    Raises
    ------
    ValueError
        If it is none, or asks for what is not at hand at the end of an epoch.

    Examples
    --------
    >>> check_stop("dead(0, 1)")
    Traceback (most recent call last):
    ValueError: at the end of an epoch there is no delta, but coefs, epoch, gradient_norm, ...
    """
    expression = Expression(text)
    beyond = expression.names - STOP_NAMES
    if beyond:
        raise ValueError(
            f"at the end of an epoch there is no {min(beyond)}, but {', '.join(sorted(STOP_NAMES))}"
        )
    return expression


def try_stop(text: str, network: Network) -> None:
    """See that a stop condition has an answer for a network.

    Raises
    ------
    FieldError
        If it asks for a layer that is not there, or comes to no single truth value.
    """
    coefs, intercepts = network.layers(np.zeros(network.n_parameters))
    values = {"coefs": coefs, "intercepts": intercepts, "loss": 1.0, "gradient_norm": 1.0,
              "learning_rate": 1.0, "epoch": 1, "step": 1}  # fmt: skip
    try:
        check_stop(text).holds(values)
    except ValueError as error:
        raise FieldError({"stop": str(error).splitlines()[0]}) from None

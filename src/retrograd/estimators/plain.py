"""Plain data: an estimator's parameters, labels and names as JSON has them, and back, checked."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator


class PlainDataError(ValueError):
    """Something cannot be written as plain data, or plain data say what they cannot mean."""


def fact(facts: dict, key: str, *types: type):
    """Take one fact, and check its type exactly (True is no whole number).

    Examples
    --------
    >>> fact({"steps": 3}, "steps", int)
    3
    """
    if key not in facts or type(facts[key]) not in types:
        raise PlainDataError(f"{key!r} is missing or of the wrong type")
    return facts[key]


def texts(facts: dict, key: str) -> list[str]:
    """Take a list of different texts.

    Examples
    --------
    >>> texts({"names": ["a", "b"]}, "names")
    ['a', 'b']
    """
    values = fact(facts, key, list)
    if not all(type(value) is str for value in values) or len(set(values)) < len(values):
        raise PlainDataError(f"{key!r} is not a list of different texts")
    return values


def pack_parameters(model: BaseEstimator, kind: type | None = None) -> dict:
    """Write the constructor's parameters as plain data.

    Those of another class, if one is given, from which the model's derives: its constructor may
    have other ones. Tuples and infinity, which JSON does not have, become small dictionaries. A
    random generator is of no use to a fitted model and becomes None.
    """
    names = (model if kind is None else kind()).get_params(deep=False)
    return {key: _plain_parameter(key, getattr(model, key)) for key in names}


def _plain_parameter(key: str, value):
    """Write one parameter."""
    if isinstance(value, np.floating):
        value = float(value)  # also the longer ones, which tolist() leaves as they are
    if isinstance(value, np.random.RandomState):
        return None
    if hasattr(value, "tolist"):  # an array, a number of NumPy's, a series
        value = value.tolist()
    if isinstance(value, range):
        value = list(value)
    if isinstance(value, (tuple, list)):
        items = [_plain_parameter(key, item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, float) and math.isinf(value):
        return {"infinity": value > 0}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise PlainDataError(f"parameter {key}={value!r} cannot be written as plain data")


def build(kind: type, facts: dict) -> BaseEstimator:
    """Construct an estimator from its parameters, checked by its own constraints."""
    given, known = rich_parameters(facts), kind().get_params(deep=False)
    if set(given) != set(known):
        odd = min(set(given) ^ set(known))
        raise PlainDataError(f"parameter {odd!r} of {kind.__name__} is missing or unknown")
    model = kind(**given)
    try:
        model._validate_params()
    except ValueError as error:
        raise PlainDataError(" ".join(str(error).split())) from None
    return model


def rich_parameters(facts: dict) -> dict[str, Any]:
    """Read the constructor's parameters: tuples and infinity as Python has them.

    Examples
    --------
    >>> rich_parameters({"parameters": {"hidden_layer_sizes": {"tuple": [4]}, "tol": 0.1}})
    {'hidden_layer_sizes': (4,), 'tol': 0.1}
    """
    given = fact(facts, "parameters", dict)
    if odd := [key for key in given if not key.isidentifier()]:
        # Code of a training is written from these names.
        raise PlainDataError(f"{odd[0][:50]!r} is the name of no parameter")
    return {key: _rich_parameter(key, value) for key, value in given.items()}


def _rich_parameter(key: str, value):
    """Read one parameter."""
    if isinstance(value, list):
        return [_rich_parameter(key, item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"tuple"} and isinstance(value["tuple"], list):
            return tuple(_rich_parameter(key, item) for item in value["tuple"])
        if set(value) == {"infinity"} and isinstance(value["infinity"], bool):
            return math.inf if value["infinity"] else -math.inf
        raise PlainDataError(f"parameter {key!r} is not plain data")
    return value


def pack_names(model) -> list[str] | None:
    """Write the names of the features seen in fit, if there are any."""
    names = getattr(model, "feature_names_in_", None)
    return None if names is None else [str(name) for name in names]


def unpack_names(model, facts: dict, count: int) -> None:
    """Set the names of the features seen in fit, if there were any."""
    if fact(facts, "feature_names", list, type(None)) is None:
        return
    names = texts(facts, "feature_names")
    if len(names) != count:
        raise PlainDataError(f"{len(names)} names for {count} features")
    model.feature_names_in_ = np.array(names, dtype=object)


def pack_classes(classes: np.ndarray) -> dict:
    """Write class labels with their type.

    Examples
    --------
    >>> pack_classes(np.array(["cat", "dog"]))
    {'dtype': 'text', 'labels': ['cat', 'dog']}
    """
    if not isinstance(classes, np.ndarray):
        raise PlainDataError("a classifier of several targets at once cannot be written")
    if classes.dtype.kind in "UO" and all(isinstance(label, str) for label in classes.tolist()):
        kind = "text" if classes.dtype.kind == "U" else "object"
    elif classes.dtype.name in LABELS:
        kind = classes.dtype.name
    else:
        raise PlainDataError(
            f"class labels of type {classes.dtype} cannot be written; texts and whole numbers can"
        )
    counts = classes.view(np.int64) if classes.dtype.kind in "mM" else classes
    return {"dtype": kind, "labels": counts.tolist()}


_BITS = (8, 16, 32, 64)
LABELS: dict[str, tuple[type, Any]] = {
    "text": (str, str),
    "object": (str, object),
    "bool": (bool, bool),
}
LABELS |= {f"{sign}int{bits}": (int, f"{sign}int{bits}") for sign in ("", "u") for bits in _BITS}
LABELS |= {name: (float, name) for name in ("float16", "float32", "float64")}
# Dates and durations are counted in their unit.
_UNITS = ("Y", "M", "W", "D", "h", "m", "s", "ms", "us", "ns")
_TIMES = [f"{kind}64[{unit}]" for kind in ("datetime", "timedelta") for unit in _UNITS]
LABELS |= {name: (int, name) for name in _TIMES}


def unpack_classes(facts: dict) -> np.ndarray:
    """Build the array of class labels.

    Examples
    --------
    >>> unpack_classes({"classes": {"dtype": "int64", "labels": [1, 3]}})
    array([1, 3])
    """
    entry = fact(facts, "classes", dict)
    kind, labels = fact(entry, "dtype", str), fact(entry, "labels", list)
    if kind not in LABELS:
        raise PlainDataError(f"class labels of unknown type {kind!r}")
    python_type, dtype = LABELS[kind]
    if not labels or not all(type(label) is python_type for label in labels):
        raise PlainDataError(f"class labels are not all of type {kind}")
    if any(not first < second for first, second in pairwise(labels)):
        raise PlainDataError("class labels are not in order")
    try:
        return np.array(labels, dtype=dtype)
    except OverflowError:
        raise PlainDataError(f"a class label does not fit into {kind}") from None

"""Writes each kind of fitted part as tensors and plain facts, and builds it again.

A part's facts and tensors are checked in full before anything is built: a file may be forged.
Tensors carry the part's prefix, such as ``network.``.
"""

import math
from collections.abc import Mapping

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.regressor import MLPRegressor
from retrograd.export.container import DTYPES, ModelFileError

# The outputs that each estimator may have.
OUTPUTS = {"MLPClassifier": ("logistic", "softmax"), "MLPRegressor": ("identity", "exp")}
NETWORKS = {"MLPClassifier": MLPClassifier, "MLPRegressor": MLPRegressor}


class Tensors:
    """The tensors of a file, handed out by name; what is left at the end should not be there."""

    def __init__(self, tensors: Mapping[str, np.ndarray]):
        self._rest = dict(tensors)

    def take(self, name: str, shape: tuple, dtypes=("float64",), finite: bool = True) -> np.ndarray:
        """Take one tensor and check its shape, type and finiteness; None fits any length."""
        array = self._rest.pop(name, None)
        if array is None:
            raise ModelFileError(f"tensor {name!r} is missing")
        fits = len(array.shape) == len(shape) and all(
            want is None or want == have for want, have in zip(shape, array.shape, strict=True)
        )
        if not fits:
            raise ModelFileError(f"tensor {name!r} has shape {array.shape}, expected {shape}")
        if array.dtype.name not in dtypes:
            raise ModelFileError(f"tensor {name!r} is of type {array.dtype.name}")
        if finite and not np.isfinite(array).all():
            raise ModelFileError(f"tensor {name!r} is not finite everywhere")
        return array

    def take_any(self, name: str) -> np.ndarray:
        """Take one finite tensor, whose shape its owner checks."""
        return self.take(name, self._rest[name].shape if name in self._rest else (), DTYPES)

    def has(self, name: str) -> bool:
        """Tell whether there is such a tensor."""
        return name in self._rest

    def check_empty(self) -> None:
        """Refuse tensors that no part asked for."""
        if self._rest:
            raise ModelFileError(f"tensor {min(self._rest)!r} belongs to nothing in the model")


def fact(facts: dict, key: str, *types: type):
    """Take one fact, and check its type exactly (True is no whole number).

    Examples
    --------
    >>> fact({"steps": 3}, "steps", int)
    3
    """
    if key not in facts or type(facts[key]) not in types:
        raise ModelFileError(f"{key!r} is missing or of the wrong type")
    return facts[key]


def texts(facts: dict, key: str) -> list[str]:
    """Take a list of different, non-empty texts.

    Examples
    --------
    >>> texts({"names": ["a", "b"]}, "names")
    ['a', 'b']
    """
    values = fact(facts, key, list)
    if not all(type(value) is str for value in values) or len(set(values)) < len(values):
        raise ModelFileError(f"{key!r} is not a list of different texts")
    return values


def pack_parameters(model: BaseEstimator) -> dict:
    """Write the constructor's parameters as plain data.

    Tuples and infinity, which JSON does not have, become small dictionaries. A random generator is
    of no use to a fitted model and becomes None.
    """
    return {
        key: _plain_parameter(key, value) for key, value in model.get_params(deep=False).items()
    }


def _plain_parameter(key: str, value):
    """Write one parameter."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, np.random.RandomState):
        return None
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, (tuple, list)):
        items = [_plain_parameter(key, item) for item in value]
        return {"tuple": items} if isinstance(value, tuple) else items
    if isinstance(value, float) and math.isinf(value):
        return {"infinity": value > 0}
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    raise ModelFileError(f"parameter {key}={value!r} cannot be written as plain data")


def build(kind: type, facts: dict) -> BaseEstimator:
    """Construct an estimator from its parameters, checked by its own constraints."""
    given = fact(facts, "parameters", dict)
    known = kind().get_params(deep=False)
    if set(given) != set(known):
        odd = min(set(given) ^ set(known))
        raise ModelFileError(f"parameter {odd!r} of {kind.__name__} is missing or unknown")
    model = kind(**{key: _rich_parameter(key, value) for key, value in given.items()})
    try:
        model._validate_params()
    except ValueError as error:
        raise ModelFileError(" ".join(str(error).split())) from None
    return model


def _rich_parameter(key: str, value):
    """Read one parameter."""
    if isinstance(value, list):
        return [_rich_parameter(key, item) for item in value]
    if isinstance(value, dict):
        if set(value) == {"tuple"} and isinstance(value["tuple"], list):
            return tuple(_rich_parameter(key, item) for item in value["tuple"])
        if set(value) == {"infinity"} and isinstance(value["infinity"], bool):
            return math.inf if value["infinity"] else -math.inf
        raise ModelFileError(f"parameter {key!r} is not plain data")
    return value


def pack_scaler(scaler: StandardScaler, prefix: str, tensors: dict) -> dict:
    """Write a fitted StandardScaler."""
    for name in ("mean", "scale", "var"):
        value = getattr(scaler, f"{name}_")
        if value is not None:
            tensors[f"{prefix}{name}"] = np.asarray(value, dtype=np.float64)
    seen = scaler.n_samples_seen_
    if np.ndim(seen):
        raise ModelFileError("a StandardScaler fitted on missing values cannot be written")
    return {
        "parameters": pack_parameters(scaler),
        "columns": int(scaler.n_features_in_),
        "rows": int(seen),
        "feature_names": pack_names(scaler),
    }


def unpack_scaler(facts: dict, prefix: str, tensors: Tensors) -> StandardScaler:
    """Build a fitted StandardScaler."""
    scaler = build(StandardScaler, facts)
    columns = fact(facts, "columns", int)
    for name, used in (
        ("mean", scaler.with_mean or scaler.with_std),
        ("scale", scaler.with_std),
        ("var", scaler.with_std),
    ):
        value = tensors.take(f"{prefix}{name}", (columns,)) if used else None
        setattr(scaler, f"{name}_", value)
    if scaler.with_std and not (scaler.scale_ > 0).all():
        raise ModelFileError("a scale is not positive")
    scaler.n_features_in_ = columns
    scaler.n_samples_seen_ = np.int64(fact(facts, "rows", int))
    unpack_names(scaler, facts, columns)
    return scaler


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
        raise ModelFileError(f"{len(names)} names for {count} features")
    model.feature_names_in_ = np.array(names, dtype=object)

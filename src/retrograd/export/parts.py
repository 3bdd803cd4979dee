"""Writes each kind of fitted part as tensors and plain facts, and builds it again.

A part's facts and tensors are checked in full before anything is built: a file may be forged.
Tensors carry the part's prefix, such as ``network.``.
"""

from collections.abc import Mapping

import numpy as np
from sklearn.preprocessing import StandardScaler

from retrograd.estimators.plain import build, fact, pack_names, pack_parameters, unpack_names
from retrograd.export.container import DTYPES, ModelFileError

# The outputs that each estimator may have.
OUTPUTS = {"MLPClassifier": ("logistic", "softmax"), "MLPRegressor": ("identity", "exp")}


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

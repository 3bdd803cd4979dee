"""Saves a trained model as one data-only file, and loads it again.

What a file can hold: an ``MLPClassifier`` or ``MLPRegressor``; a ``StandardScaler``; a
``Pipeline`` of such parts; a ``TransformedTargetRegressor`` whose regressor is or ends in an
``MLPRegressor`` and whose transformer is a ``StandardScaler``. Other pipeline steps can take part
if their class is passed in ``steps`` and has ``to_state()``, which returns arrays and plain facts,
and the class method ``from_state(arrays, facts)``. This room thus needs to know nothing of tables,
and a file can name no class that its reader did not allow.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted

from retrograd.engine.versions import versions
from retrograd.estimators.kinds import ESTIMATORS
from retrograd.estimators.plain import PlainDataError, fact, texts
from retrograd.export.container import ModelFileError, read_container, write_container
from retrograd.export.network import pack_network, unpack_network
from retrograd.export.parts import Tensors, pack_scaler, unpack_scaler


class Step(Protocol):
    """What a pipeline step that a file can hold has to offer."""

    def to_state(self) -> tuple[dict[str, np.ndarray], dict]:
        """Hand out all that was learned as arrays and plain facts."""

    @classmethod
    def from_state(cls, arrays: dict[str, np.ndarray], facts: dict) -> Any:
        """Build a fitted step; a ValueError if anything in them is wrong."""


Steps = Mapping[str, type[Step]]


def save_model(model, path, *, facts: dict | None = None, steps: Steps | None = None) -> None:
    """Save a fitted model.

    Parameters
    ----------
    model : fitted estimator
        See the top of this module for what it may consist of.
    path : str or path
        By custom it ends in ``.safetensors``. A file that is already there is replaced.
    facts : dict, optional
        Anything worth remembering of the training that JSON can hold.
    steps : mapping of class names to classes, optional
        Further classes that pipeline steps may have.

    Raises
    ------
    ModelFileError
        If the model is not fitted, has a part that a file cannot hold, or could not be loaded
        again, or cannot be written. What was there before is then still there.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> scaler = StandardScaler().fit([[0.0], [2.0]])
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scaler.safetensors"
    >>> save_model(scaler, path)
    >>> load_model(path).transform([[4.0]])
    array([[3.]])
    """
    tensors: dict[str, np.ndarray] = {}
    try:
        packed = _pack(model, "", tensors, steps or {})
    except PlainDataError as error:
        raise ModelFileError(str(error)) from None
    document = {"model": packed, "facts": facts or {}, "versions": versions()}
    write_container(
        path, tensors, document, check=lambda arrays, read: _build(arrays, read, steps or {})
    )


def load_model(path, *, steps: Steps | None = None):
    """Load a model, ready to predict the very same numbers as before.

    Nothing in the file is executed or unpickled.

    Parameters
    ----------
    path : str or path
    steps : mapping of class names to classes, optional
        Further classes that pipeline steps may have.

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
    return load_described(path, steps=steps)[0]


def load_described(path, *, steps: Steps | None = None) -> tuple[Any, dict]:
    """Load a model, see :func:`load_model`, and what its file says of it, see :func:`read_facts`.

    Returns
    -------
    model : fitted estimator
    document : dict

    Examples
    --------
    >>> load_described("nowhere.safetensors")
    Traceback (most recent call last):
    retrograd.export.container.ModelFileError: nowhere.safetensors does not exist
    """
    arrays, document = read_container(path)
    try:
        return _build(arrays, document, steps or {}), document
    except ModelFileError as error:
        raise ModelFileError(f"{path} does not describe a model: {error}") from None


def read_facts(path) -> dict:
    """Read what a file says of its model, without building it.

    Returns
    -------
    dict
        ``model``, ``facts``, ``versions``.

    Raises
    ------
    ModelFileError
        If there is no such file, or it is not a model file, or was cut short or edited.

    Examples
    --------
    >>> import pathlib, tempfile
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "scaler.safetensors"
    >>> save_model(StandardScaler().fit([[0.0], [2.0]]), path, facts={"by": "hand"})
    >>> read_facts(path)["facts"]
    {'by': 'hand'}
    """
    return read_container(path)[1]


def _build(arrays: dict[str, np.ndarray], document: dict, steps: Steps):
    """Build the model that a document describes."""
    tensors = Tensors(arrays)
    try:
        model = _unpack(fact(document, "model", dict), "", tensors, steps)
        tensors.check_empty()
    # ModelFileError is a ValueError; the others come from forged facts that only NumPy,
    # scikit-learn or a step of the caller's own find impossible.
    except (ValueError, TypeError, OverflowError, RecursionError) as error:
        raise ModelFileError(" ".join(str(error).split())) from None
    return model


def _pack(model, prefix: str, tensors: dict, steps: Steps) -> dict:
    """Write one part, and the parts it consists of."""
    name = type(model).__name__
    try:
        check_is_fitted(model)
    except NotFittedError:
        raise ModelFileError(f"{name} is not fitted: fit it before saving") from None
    except (TypeError, AttributeError):
        pass  # Not an estimator at all: refused by name below.
    if type(model) is ESTIMATORS.get(name):
        return {"class": name, **pack_network(model, prefix, tensors)}
    if type(model) is StandardScaler:
        return {"class": name, **pack_scaler(model, prefix, tensors), **_container(model)}
    if type(model) is TransformedTargetRegressor:
        return {"class": name, **_pack_target(model, prefix, tensors, steps)}
    if type(model) is Pipeline:
        parts = [
            [step, _pack(part, f"{prefix}{step}.", tensors, steps)] for step, part in model.steps
        ]
        return {"class": name, "steps": parts}
    if type(model) is steps.get(name):
        arrays, facts = model.to_state()
        tensors.update({f"{prefix}{key}": array for key, array in arrays.items()})
        return {"class": name, "arrays": sorted(arrays), "state": facts, **_container(model)}
    raise ModelFileError(f"a model file cannot hold {name}")


def _pack_target(model, prefix: str, tensors: dict, steps: Steps) -> dict:
    """Write a regressor of a scaled target."""
    if model.func is not None or model.inverse_func is not None:
        raise ModelFileError("a TransformedTargetRegressor with functions cannot be written")
    _check_target(model.regressor_, model.transformer_)
    return {
        "regressor": _pack(model.regressor_, f"{prefix}regressor.", tensors, steps),
        "target": _pack(model.transformer_, f"{prefix}target.", tensors, steps),
        "target_dimensions": int(model._training_dim),
        "check_inverse": bool(model.check_inverse),
    }


def _container(model) -> dict:
    """Write which kind of frame a transformer was told to return."""
    return {"returns": getattr(model, "_sklearn_output_config", {}).get("transform")}


def _unpack(facts: dict, prefix: str, tensors: Tensors, steps: Steps):
    """Build one part, and the parts it consists of."""
    name = fact(facts, "class", str)
    if name in ESTIMATORS:
        return unpack_network(name, facts, prefix, tensors)
    if name == "TransformedTargetRegressor":
        return _unpack_target(facts, prefix, tensors, steps)
    if name == "Pipeline":
        return _unpack_pipeline(facts, prefix, tensors, steps)
    if name == "StandardScaler":
        part = unpack_scaler(facts, prefix, tensors)
    elif name in steps:
        arrays = {key: tensors.take_any(f"{prefix}{key}") for key in texts(facts, "arrays")}
        part = steps[name].from_state(arrays, fact(facts, "state", dict))
    else:
        raise ModelFileError(f"it has a part of unknown class {name!r}")
    returns = fact(facts, "returns", str, type(None))
    if returns not in (None, "default", "pandas", "polars"):
        raise ModelFileError(f"'returns' is wrong: {returns!r}")
    return part if returns is None else part.set_output(transform=returns)


def _unpack_target(facts: dict, prefix: str, tensors: Tensors, steps: Steps):
    """Build a regressor of a scaled target."""
    regressor = _unpack(fact(facts, "regressor", dict), f"{prefix}regressor.", tensors, steps)
    scaler = _unpack(fact(facts, "target", dict), f"{prefix}target.", tensors, steps)
    dimensions = fact(facts, "target_dimensions", int)
    return scaled_target(regressor, scaler, dimensions, fact(facts, "check_inverse", bool))


def scaled_target(
    regressor: Any, scaler: StandardScaler, dimensions: int = 1, check_inverse: bool = True
) -> TransformedTargetRegressor:
    """Join a fitted regressor and the fitted scaler of its target.

    Parameters
    ----------
    regressor : MLPRegressor, or a pipeline that ends in one
    scaler : StandardScaler
    dimensions : {1, 2}
        Of the target that it was fitted to.
    check_inverse : bool

    Raises
    ------
    ModelFileError
        If the two do not fit each other.
    """
    network = _check_target(regressor, scaler)
    if dimensions not in (1, 2) or scaler.n_features_in_ != network.n_outputs_:
        raise ModelFileError("the target's scale does not match the network's outputs")
    model = TransformedTargetRegressor(
        regressor=clone(regressor), transformer=clone(scaler), check_inverse=check_inverse
    )
    model.regressor_, model.transformer_ = regressor, scaler
    model._training_dim = dimensions
    if hasattr(regressor, "feature_names_in_"):
        model.feature_names_in_ = regressor.feature_names_in_
    return model


def _check_target(regressor, scaler):
    """Return the network whose target is scaled, if the parts are ones that a file can hold."""
    network = regressor
    while type(network) is Pipeline:
        network = network.steps[-1][1]
    if type(network) is not ESTIMATORS["MLPRegressor"] or type(scaler) is not StandardScaler:
        raise ModelFileError(
            "a TransformedTargetRegressor needs an MLPRegressor, or a pipeline that ends in one, "
            "and a StandardScaler to be in a model file"
        )
    return network


def _unpack_pipeline(facts: dict, prefix: str, tensors: Tensors, steps: Steps) -> Pipeline:
    """Build a pipeline, and check that each step yields what the next one takes."""
    parts = []
    for entry in fact(facts, "steps", list):
        if not (isinstance(entry, list) and len(entry) == 2 and isinstance(entry[1], dict)):
            raise ModelFileError("a step of the pipeline is not a name and its facts")
        name = fact({"name": entry[0]}, "name", str)
        parts.append((name, _unpack(entry[1], f"{prefix}{name}.", tensors, steps)))
    pipeline = Pipeline(parts)
    pipeline._validate_steps()
    for (name, part), (_, follower) in pairwise(parts):
        features = len(part.get_feature_names_out())
        if features != follower.n_features_in_:
            raise ModelFileError(
                f"step {name!r} yields {features} features, the next one takes "
                f"{follower.n_features_in_}"
            )
    return pipeline

"""Writes a fitted MLPClassifier or MLPRegressor as tensors and plain facts, and builds it again."""

from itertools import pairwise

import numpy as np

from retrograd.estimators.kinds import ESTIMATORS
from retrograd.estimators.plain import (
    build,
    fact,
    pack_classes,
    pack_names,
    pack_parameters,
    unpack_classes,
    unpack_names,
)
from retrograd.estimators.stopping import CURVES
from retrograd.export.container import ModelFileError
from retrograd.export.parts import OUTPUTS, Tensors

NUMBERS = ("loss_", "best_loss_", "best_validation_score_")


def pack_network(model, prefix: str, tensors: dict) -> dict:
    """Write a network: weights and biases as tensors, all else as facts.

    Parameters
    ----------
    model : fitted MLPClassifier or MLPRegressor
    prefix : str
        What the names of its tensors start with.
    tensors : dict
        Where the tensors go: ``weights.0`` of shape (I, O), ``biases.0`` of shape (O,), and so on.

    Returns
    -------
    dict
    """
    network, theta = model._known()
    for layer, (weights, biases) in enumerate(zip(*network.layers(theta), strict=True)):
        tensors[f"{prefix}weights.{layer}"] = weights
        tensors[f"{prefix}biases.{layer}"] = biases
    for name in CURVES:
        curve = getattr(model, name, None)
        if curve is not None:
            tensors[f"{prefix}{name.rstrip('_')}"] = np.asarray(curve, dtype=np.float64)
    facts = {
        "parameters": pack_parameters(model),
        "widths": list(network.widths),
        # Of the network as it was fitted: the parameters may have been set to others since.
        "activations": list(network.activations),
        "output": model.out_activation_,
        "feature_names": pack_names(model),
        "epochs": int(model.n_iter_),
        "samples_seen": int(getattr(model, "t_", 0)),
    }
    facts |= {name.rstrip("_"): _plain_number(getattr(model, name, None)) for name in NUMBERS}
    if hasattr(model, "classes_"):
        facts["classes"] = pack_classes(model.classes_)
        facts["sparse_labels"] = bool(model._sparse_labels)
    return facts


def unpack_network(name: str, facts: dict, prefix: str, tensors: Tensors):
    """Build a fitted network.

    Parameters
    ----------
    name : str
        A key of :data:`ESTIMATORS`.
    facts : dict
    prefix : str
    tensors : Tensors

    Returns
    -------
    MLPClassifier or MLPRegressor

    Raises
    ------
    ModelFileError
        If anything is missing, of the wrong type, or contradicts something else.
    """
    model = build(ESTIMATORS[name], facts)
    widths = _check_widths(facts)
    model.coefs_, model.intercepts_ = _take_layers(widths, prefix, tensors)
    if fact(facts, "output", str) not in OUTPUTS[name]:
        raise ModelFileError(f"{name} has no output {facts['output']!r}")
    model.out_activation_ = facts["output"]
    model.n_features_in_, model.n_outputs_ = widths[0], widths[-1]
    model.n_layers_ = len(widths)
    model.n_iter_, model.t_ = fact(facts, "epochs", int), fact(facts, "samples_seen", int)
    numbers = {name: fact(facts, name.rstrip("_"), float, type(None)) for name in NUMBERS}
    model.loss_ = numbers["loss_"]
    if tensors.has(f"{prefix}loss_curve"):  # L-BFGS leaves none, nor anything that goes with it.
        for attribute in CURVES:
            key = f"{prefix}{attribute.rstrip('_')}"
            # An epoch that diverged has NaN.
            has = tensors.has(key)
            curve = tensors.take(key, (None,), finite=False).tolist() if has else None
            setattr(model, attribute, curve)
        vars(model).update(numbers)
    unpack_names(model, facts, widths[0])
    if name == "MLPClassifier":
        model.classes_ = unpack_classes(facts)
        _check_classes(model)
    _restore(model, facts)
    return model


def _restore(model, facts: dict) -> None:
    """Set up what an estimator keeps to itself; the single place that knows of it."""
    widths, activations = tuple(facts["widths"]), fact(facts, "activations", list)
    try:
        model._network = model._network_of(widths, tuple(activations))
    except ValueError as error:
        raise ModelFileError(f"'activations' is wrong: {error}") from None
    if hasattr(model, "classes_"):
        model._sparse_labels = fact(facts, "sparse_labels", bool)


def _check_widths(facts: dict) -> list[int]:
    """Check that these are widths; that the tensors have them is checked as they are taken."""
    widths = fact(facts, "widths", list)
    if len(widths) < 2 or not all(type(width) is int and width > 0 for width in widths):
        raise ModelFileError("'widths' is not a list of layer widths")
    return widths


def _take_layers(widths: list[int], prefix: str, tensors: Tensors) -> tuple[list, list]:
    """Take weights and biases, all of one type."""
    coefs, intercepts = [], []
    dtypes: tuple[str, ...] = ("float32", "float64")
    for layer, shape in enumerate(pairwise(widths)):
        coefs.append(tensors.take(f"{prefix}weights.{layer}", shape, dtypes))
        dtypes = (coefs[0].dtype.name,)
        intercepts.append(tensors.take(f"{prefix}biases.{layer}", shape[1:], dtypes))
    return coefs, intercepts


def _check_classes(model) -> None:
    """Check that there are as many outputs as the classes need."""
    outputs, classes = model.n_outputs_, len(model.classes_)
    one_or_other = model.out_activation_ == "logistic" and outputs == 1 and classes == 2
    if not one_or_other and outputs != classes:
        raise ModelFileError(f"{outputs} outputs for {classes} classes")


def _plain_number(value) -> float | None:
    """Write a number; what is not finite has nothing to say."""
    return float(value) if value is not None and np.isfinite(value) else None

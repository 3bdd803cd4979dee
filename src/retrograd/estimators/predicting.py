"""How an estimator predicts: rows checked once, parameters as they stand now, then the engine."""

from collections.abc import Iterable
from math import isfinite
from typing import TYPE_CHECKING, Any
from weakref import ref

import numpy as np
from sklearn.utils.validation import check_is_fitted, validate_data

from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.engine.notes import warn
from retrograd.estimators.parameters import Form

if TYPE_CHECKING:
    from retrograd.engine.prediction import Predictor
    from retrograd.estimators.base import BaseMLP

# Predictions that are looked at one by one.
FEW = 32
# What the last prediction of an estimator was made with. Not among its attributes: a prediction
# leaves those alone, and nobody wants it in a pickle. By identity: estimators that say they are
# equal may have different parameters.
_ready: "dict[int, tuple[ref[BaseMLP], Form, Network, Predictor]]" = {}


def predict_outputs(estimator: "BaseMLP", X: Any, check_input: bool = True) -> np.ndarray:
    """Output activations for rows X.

    Parameters
    ----------
    estimator : BaseMLP
    X : {array-like, sparse matrix, data frame} of shape (n, I)
    check_input : bool, default=True
        Whether NaN, infinity, and what scikit-learn refuses are refused.

    Returns
    -------
    ndarray of shape (n, O)

    Raises
    ------
    ValueError
        If X is not usable. ``NotFittedError``, a ValueError, if there is nothing to predict with.
    """
    if not estimator.__sklearn_is_fitted__():
        check_is_fitted(estimator)
    predictor = _predictor(estimator)
    if _is_plain(estimator, X, predictor):
        y_pred, not_finite = predictor(X)
        if not (check_input and not_finite):
            return _told(y_pred) if check_input else y_pred
    if check_input:  # which also has the words for what is wrong with X
        refuse_times(X)
        X = validate_data(estimator, X, accept_sparse=["csr", "csc"], reset=False)
    n_features = predictor.network.widths[0]
    if X.shape[1] != n_features:
        raise ValueError(f"X has {X.shape[1]} features, coefs_[0] has rows for {n_features}")
    # As NumPy has it: the wider of the two, as far as the engine has it.
    wider = np.result_type(X.dtype, predictor.dtype)
    dtype = wider if wider in (np.float32, np.float64) else np.dtype(np.float64)
    data = make_data(predictor.network, X.astype(dtype, copy=False))
    y_pred, not_finite = predictor.astype(dtype).predict(data, X.shape[0])
    # Whoever lets such rows pass (``assume_finite``) knows.
    return _told(y_pred) if check_input and not not_finite else y_pred


def refuse_times(X: Any) -> None:
    """Refuse dates and durations, of which NumPy would make numbers of whatever unit they are in.

    Raises
    ------
    ValueError
        If X is of them.
    """
    dtypes = getattr(X, "dtypes", None)
    if isinstance(dtypes, Iterable):  # of a frame; a Series calls its only one so, too
        found = [dtype for dtype in dtypes if _is_time(dtype)]
    else:
        # A list's, and an array's of objects, are those of its numbers: one row is looked at.
        many = isinstance(X, (list, tuple)) or getattr(X, "dtype", None) == np.dtype(object)
        first = X[0] if many and getattr(X, "ndim", 1) and len(X) else ()
        of_row = first if isinstance(first, (list, tuple, np.ndarray)) else ()
        found = [dtype for one in (X, *of_row) if _is_time(dtype := getattr(one, "dtype", None))]
    if found:
        raise ValueError(
            f"X holds {found[0]}: make numbers of it, as X.astype(float), whose unit you know, or "
            "as a TableEncoder does"
        )


def _is_time(dtype: Any) -> bool:
    """Whether it is one of NumPy's, pandas' or polars' dates, times or durations."""
    temporal = getattr(dtype, "is_temporal", None)
    return getattr(dtype, "kind", "") in ("m", "M") or (temporal is not None and temporal())


def _told(y_pred: np.ndarray) -> np.ndarray:
    """Hand predictions on, and warn of those that are no numbers."""
    # Of a few, NumPy takes longer to look at them than the network to make them.
    few = y_pred.size <= FEW
    if not (all(map(isfinite, y_pred.ravel().tolist())) if few else np.isfinite(y_pred).all()):
        rows = np.flatnonzero(~np.isfinite(y_pred).all(axis=1))
        warn(
            f"predictions are NaN or infinite in {rows.size} of {len(y_pred)} rows, row {rows[0]} "
            f"(counting from 0) the first: they overflow {y_pred.dtype}; X may be far from what "
            "was trained on",
            RuntimeWarning,
        )
    return y_pred


def _is_plain(estimator: "BaseMLP", X: Any, predictor: "Predictor") -> bool:
    """Whether X is just what the engine reads: the full check takes longer than most nets.

    Only NaN and infinity are left to look for, which the engine does in passing.
    """
    return (
        type(X) is np.ndarray
        and X.dtype == predictor.dtype
        and X.ndim == 2
        and X.shape[1] == predictor.network.widths[0]
        and X.shape[1] == getattr(estimator, "n_features_in_", X.shape[1])  # not if set by hand
        and X.size > 0
        and not hasattr(estimator, "feature_names_in_")
    )


def _predictor(estimator: "BaseMLP") -> "Predictor":
    """Predictor for the parameters as they are, the last one if it still is.

    It reads the memory that coefs_ and intercepts_ are views of, so numbers edited in place are
    no matter; other arrays in their place, or another network, are.
    """
    # Loads the compiler: not before it is needed.
    from retrograd.engine.prediction import Predictor

    fitted = estimator.__dict__.copy()  # of one moment: another thread may be fitting
    coefs, intercepts, own_network = (
        fitted["coefs_"], fitted["intercepts_"], fitted.get("_network")
    )  # fmt: skip
    key = id(estimator)
    if (ready := _ready.get(key)) is not None:
        owner, form, network, predictor = ready
        if (
            owner() is estimator
            and network is own_network
            and network.output == fitted["out_activation_"]
            and form.is_of(coefs, intercepts)
        ):
            return predictor
    network, theta = estimator._known(fitted)
    predictor = Predictor(network, theta)
    if network is own_network and getattr(coefs[0], "base", None) is theta:
        owner = ref(estimator, lambda _: _ready.pop(key, None))
        _ready[key] = owner, Form(coefs, intercepts), network, predictor
    return predictor

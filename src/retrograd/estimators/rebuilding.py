"""Estimators of a run: what its header says of one, and building it again as of any moment."""

import math
from typing import Any

import numpy as np

from retrograd.engine.trainer import State
from retrograd.estimators.base import BaseMLP
from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.kinds import ESTIMATORS
from retrograd.estimators.plain import (
    PlainDataError,
    build,
    fact,
    pack_classes,
    pack_names,
    pack_parameters,
    rich_parameters,
    unpack_classes,
    unpack_names,
)
from retrograd.estimators.stopping import CURVES, Stopping
from retrograd.rewind.run import Run
from retrograd.rewind.store import RunFileError

# What a warm start begins with.
BEFORE = ("best_loss_", "best_validation_score_", "_no_improvement_count")


def describe(estimator: BaseMLP) -> dict:
    """Write an estimator that begins to be fitted as plain data, but for its parameter vector."""
    kind = _kind(estimator)
    facts = {
        "kind": kind,
        "parameters": pack_parameters(estimator, ESTIMATORS[kind]),
        "feature_names": pack_names(estimator),
        "seed": estimator._seed,
        # Epochs of this fit so far: a branch begins with its parent's.
        "n_iter": estimator.n_iter_,
        "before": {name: _number(getattr(estimator, name)) for name in BEFORE},
    }
    for name in CURVES:
        curve = getattr(estimator, name)
        facts[name] = None if curve is None else [_number(value) for value in curve]
    if hasattr(estimator, "classes_"):
        facts["classes"] = pack_classes(estimator.classes_)
        facts["sparse_labels"] = bool(estimator._sparse_labels)
    return facts


def _kind(estimator: BaseMLP) -> str:
    """Name of the class, or of the one of ours that it derives from."""
    for name, kind in ESTIMATORS.items():
        if isinstance(estimator, kind):
            return name
    raise TypeError(f"{type(estimator).__name__} is no network of retrograd's")


def rebuild(run: Run, changes: dict | None = None) -> BaseMLP:
    """Estimator of a run as its fit began, with other parameters if there are changes."""
    facts = run.header.estimator
    try:
        model = build(ESTIMATORS[fact(facts, "kind", str)], facts)
        unpack_names(model, facts, run.header.network.widths[0])
        if isinstance(model, MLPClassifier):
            model.classes_ = unpack_classes(facts)
            model._sparse_labels = fact(facts, "sparse_labels", bool)
        for name in BEFORE:
            setattr(model, name, _rich(fact(facts, "before", dict)[name]))
        for name in CURVES:
            curve = fact(facts, name, list, *([type(None)] if name != CURVES[0] else []))
            setattr(model, name, None if curve is None else [_rich(value) for value in curve])
        model._seed, model.n_iter_ = fact(facts, "seed", int), fact(facts, "n_iter", int)
        if model.n_iter_ < 0:
            raise PlainDataError(f"it began with {model.n_iter_} epochs")
        _check_network(model, run)
    except (PlainDataError, LookupError, TypeError, OverflowError) as error:
        raise cannot_be_rebuilt(run, error) from None
    model.set_params(**(changes or {}))
    model._validate_params()
    model.n_features_in_ = run.header.network.widths[0]
    model._solver, model._rate_init = model.solver, model.learning_rate_init
    return model


def parameters_of(run: Run) -> dict[str, Any]:
    """Parameters of a run's estimator."""
    try:
        return rich_parameters(run.header.estimator)
    except PlainDataError as error:
        raise cannot_be_rebuilt(run, error) from None


def cannot_be_rebuilt(run: Run, error: Exception) -> RunFileError:
    """Error that tells of a run whose header describes no estimator."""
    reason = " ".join(str(error).split())[:200]
    return RunFileError(f"{run.store.name} has a run whose estimator cannot be rebuilt ({reason})")


def _check_network(model: BaseMLP, run: Run) -> None:
    """Check that an estimator's parameters are such as make the run's network."""
    network, early = run.header.network, model.early_stopping
    n_outputs, several = network.widths[-1], False
    if isinstance(model, MLPClassifier):
        several = n_outputs == len(model.classes_) and network.output == "logistic"
        several = several and n_outputs > 1
    try:
        made = model._make_network(
            network.widths[0], np.empty((0, n_outputs), bool if several else float)
        )
    except ValueError as error:
        raise PlainDataError(str(error)) from None
    if made != network:
        raise PlainDataError("its parameters make another network")
    if ("validation" in run.header.data, "train" in run.header.data) != (early, early):
        raise PlainDataError("early_stopping and its rows do not go together")
    if early != (model.validation_scores_ is not None):
        raise PlainDataError("early_stopping and its scores do not go together")
    best = model.best_validation_score_ if early else model.best_loss_
    if best is None:
        raise PlainDataError("its best is missing")


def as_of(
    run: Run, state: State, step: int, changes: dict | None = None
) -> tuple[Any, Stopping, bool]:
    """Fitted estimator as of a step, whose state is given; its rule for stopping; if that stops.

    The rule is told of every epoch again, so that it has forgotten nothing; what it keeps of the
    best epoch is the step at which that ended, see ``keep_best``.
    """
    model = rebuild(run, changes)
    model._bind(run.header.network, state.theta)
    model._state = state
    model.t_ = state.samples_seen
    here = 0
    stopping = Stopping(model, lambda: here)
    stopping.verbose, stopped = False, False
    for epoch in run.epochs:
        if epoch.step > step:
            break
        here = epoch.step
        model.loss_, model.n_iter_ = epoch.loss, model.n_iter_ + 1
        model.loss_curve_.append(epoch.loss)
        rate = run.replay.rate_of(epoch.epoch)
        rises = run.replay.course.is_warming_up(epoch.epoch)
        stopped = stopping.after_epoch(rate, run.header.optimizer, epoch.score, rises) is None
    stopping.verbose = model.verbose
    if model.loss_curve_:
        model.loss_ = model.loss_curve_[-1]
    return model, stopping, stopped


def keep_best(run: Run, stopping: Stopping, state: State) -> None:
    """Have a rule keep the best epoch's parameters, of which ``as_of`` has told it the step."""
    if stopping.has_best:
        before = run.header.data.get("best") if stopping.best == 0 else None
        if before is None:
            stopping.best = run.replay.state(stopping.best).theta
        else:
            stopping.best = _checked_best(run, run.store.array(before))
    stopping.keep = state.theta.copy


def _checked_best(run: Run, best: np.ndarray) -> np.ndarray:
    """Parameters that were best before a branch began, if they are its network's."""
    if best.dtype != run.header.dtype or best.shape != (run.header.network.n_parameters,):
        raise RunFileError(f"{run.store.name} is damaged: run {run.number} has another's best")
    return best


def rows_kept(run: Run, name: str) -> np.ndarray | None:
    """Row numbers that the run's file holds."""
    names = run.header.data
    if name not in names:
        return None
    assert run.data is not None  # with which they were checked
    return run.store.array(names[name])


def _number(value: Any) -> Any:
    """A number for JSON, which has neither NaN nor infinity."""
    if value is None or isinstance(value, int):
        return value
    return float(value) if math.isfinite(value) else repr(float(value))


def _rich(value: Any) -> Any:
    if value is None or type(value) in (int, float):
        return value
    if value in ("nan", "inf", "-inf"):
        return float(value)
    raise PlainDataError(f"{value!r} is no number")

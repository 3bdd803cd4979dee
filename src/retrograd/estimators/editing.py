"""Editing: other weights, biases and targets for a branch to begin with."""

import ast
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from retrograd.rewind.syntax import ExpressionError, fail, subscript, tree_of, whole_number

if TYPE_CHECKING:
    from retrograd.engine.kernels.data import Data
    from retrograd.engine.network import Network
    from retrograd.rewind.run import Run

# Entries of a value that a run's header tells; of a larger one it tells the shape.
MOST_TOLD = 100
# How the header tells of a larger one.
LEFT_OUT = "an array of shape"
ADVICE = "write coefs[0][3, 2], intercepts[1][0] or y[17]"


class Target(NamedTuple):
    """What of a branch's beginning is to be other than it was.

    Attributes
    ----------
    text : str
        As it was written.
    name : {'coefs', 'intercepts', 'y'}
    layer : int
        Of weights and biases.
    index : int, slice, tuple of these, or Ellipsis
    """

    text: str
    name: str
    layer: int
    index: Any


def read_target(text: str) -> Target:
    """Read the name of some weights, biases or targets, as expressions write them.

    Raises
    ------
    ExpressionError
        If it is no such name.

    Examples
    --------
    >>> read_target("coefs[0][3, 2]")[1:]
    ('coefs', 0, (3, 2))
    >>> read_target("y[17]")[1:]
    ('y', 0, 17)
    """
    if not isinstance(text, str):
        raise ExpressionError(f"{text!r} is no text: {ADVICE}")
    text = text.strip()
    tree = tree_of(text)
    match tree:
        case ast.Subscript(value=ast.Name(id="y"), slice=index):
            return Target(text, "y", 0, subscript(text, index))
        case ast.Subscript(
            value=ast.Subscript(value=ast.Name(id="coefs" | "intercepts" as name), slice=layer),
            slice=index,
        ):
            return Target(text, name, whole_number(text, layer), subscript(text, index))
        case ast.Subscript(value=ast.Name(id="coefs" | "intercepts" as name), slice=layer):
            return Target(text, name, whole_number(text, layer), ...)
        case ast.Name(id="coefs" | "intercepts" | "y"):
            fail(text, tree, f"say which: {ADVICE}")
    fail(text, tree, f"a branch can change weights, biases and targets: {ADVICE}")


def edited(
    run: "Run", theta: np.ndarray, edit: Mapping[str, Any] | None
) -> tuple[np.ndarray, "Data"]:
    """Parameters and data to branch with; what was given is left as it is.

    Parameters
    ----------
    run : Run
    theta : ndarray of shape (P,)
    edit : mapping of str to values, or None
        See ``Run.branch``.

    Raises
    ------
    ValueError
        If there is no such entry, or it cannot take the value; the message says which.
    """
    if not isinstance(edit, Mapping | None):
        raise TypeError(f"edit is a dict such as {{'coefs[0][3, 2]': 0.5}}, not {edit!r}")
    theta, data = theta.copy(), run.data
    for text, value in (edit or {}).items():
        target = read_target(text)
        if target.name != "y":
            _set_parameters(run.header.network, theta, target, value)
            continue
        if not run.header.data["kept"]:
            raise ValueError(
                f"{target.text}: {run.store.name} keeps no training data, in which a target could "
                "be changed; weights and biases can be"
            )
        y = data.y.copy()
        _set(target, entries(y, target), _targets(run, target, value, y.dtype))
        y.flags.writeable = False
        data = data._replace(y=y)
    return theta, data


def told(edit: Mapping[str, Any] | None) -> dict[str, Any]:
    """Edit as plain data, for the header of the run that begins with it."""
    plain = {}
    for text, value in (edit or {}).items():
        array = np.asarray(value)
        small = array.size <= MOST_TOLD
        plain[text.strip()] = array.tolist() if small else f"{LEFT_OUT} {array.shape}"
    return plain


def is_left_out(value: Any) -> bool:
    """Whether a header tells of an edit's value by its shape only."""
    return isinstance(value, str) and value.startswith(LEFT_OUT)


def value_at(run: "Run", step: int, text: str) -> Any:
    """What weights, biases or targets are at a moment: a number, a class, or an array of them.

    Raises
    ------
    ValueError
        If there is no such entry.

    Examples
    --------
    >>> from retrograd.estimators.notebook import MLP
    >>> from retrograd.estimators.recorder import Recorder
    >>> from retrograd.estimators.rewinding import open_run
    >>> recorder = Recorder()
    >>> _ = MLP(2, 0.1, 3).fit(np.eye(2), np.array([0, 1]), recorder)
    >>> value_at(open_run(recorder), 2, "y[1]")
    np.float64(1.0)
    """
    target = read_target(text)
    if target.name != "y":
        network, theta = run.header.network, run.replay.state(step).theta
        return entries(_part(network, theta, target), target)[()]
    found, classes = entries(run.data.y, target), classes_of(run)
    if classes is None:
        return found[()]
    numbers = found.astype(np.intp)
    return np.array(classes)[numbers] if numbers.ndim else classes[int(numbers)]


def entries(array: np.ndarray, target: Target) -> np.ndarray:
    """View of the entries that a target names; of one target a row, ``y[3]`` is a number."""
    if target.name == "y" and array.shape[1] == 1 and not isinstance(target.index, tuple):
        array = array[:, 0]
    index = target.index if isinstance(target.index, tuple) else (target.index,)
    try:
        found = array[(*index, ...)] if target.index is not ... else array
    except IndexError:
        shape = " by ".join(map(str, array.shape))
        raise ValueError(f"{target.text}: there are {shape}, counted from 0") from None
    if found.size == 0:
        raise ValueError(f"{target.text}: nothing is there")
    return found


def classes_of(run: "Run") -> list | None:
    """Classes whose numbers the targets are; None if they are numbers themselves."""
    from retrograd.estimators.notebook_runs import is_notebooks
    from retrograd.estimators.rebuilding import rebuild

    if is_notebooks(run):
        return None
    # Of several labels at once each target is 0 or 1.
    classes = getattr(rebuild(run), "classes_", None)
    return None if classes is None or run.header.network.target_width > 1 else classes.tolist()


def _part(network: "Network", theta: np.ndarray, target: Target) -> np.ndarray:
    """A layer's weights or biases."""
    n = network.n_layers
    if not -n <= target.layer < n:
        layers = f"{n} layers, 0 to {n - 1}" if n > 1 else "1 layer, 0"
        raise ValueError(f"{target.text}: the network has {layers}")
    parts = network.weights if target.name == "coefs" else network.biases
    return parts(theta, target.layer % n)


def _set_parameters(network: "Network", theta: np.ndarray, target: Target, value: Any) -> None:
    _set(target, entries(_part(network, theta, target), target), _numbers(target, value, theta))


def _numbers(target: Target, value: Any, like: np.ndarray) -> np.ndarray:
    """A value as numbers of the run's type, all of them finite."""
    array = np.asarray(value)
    if array.dtype.kind not in "iuf":
        raise ValueError(f"{target.text} takes numbers, not {value!r}")
    with np.errstate(over="ignore"):
        numbers = array.astype(like.dtype)
    if not np.isfinite(numbers).all():
        wrong = array.flat[int(np.argmin(np.isfinite(numbers)))]
        raise ValueError(f"{target.text} must be finite in {like.dtype}, {wrong} is not")
    return numbers


def _targets(run: "Run", target: Target, value: Any, dtype: np.dtype) -> np.ndarray:
    """A value as the engine reads targets: the numbers of classes, or numbers."""
    network, classes = run.header.network, classes_of(run)
    if classes is not None:
        wanted = np.asarray(value, dtype=object)
        found = np.empty(wanted.shape, dtype)
        for place, one in np.ndenumerate(wanted):
            if one not in classes:
                there = ", ".join(map(repr, classes[:20])) + (" …" if len(classes) > 20 else "")
                raise ValueError(f"{target.text}: there is no class {one!r}; there are {there}")
            found[place] = classes.index(one)
        return found
    if np.asarray(value).dtype.kind == "b":
        value = np.asarray(value).astype(int)
    numbers = _numbers(target, value, np.empty(0, dtype))
    if network.output == "logistic" and not np.isin(numbers, (0, 1)).all():
        raise ValueError(f"{target.text}: a label is 0 or 1, not {value!r}")
    if network.loss == "poisson" and (numbers < 0).any():
        raise ValueError(f"{target.text}: loss='poisson' needs y >= 0, not {value!r}")
    return numbers


def _set(target: Target, there: np.ndarray, numbers: np.ndarray) -> None:
    try:
        there[...] = np.broadcast_to(numbers, there.shape)
    except ValueError:
        raise ValueError(
            f"{target.text} is of shape {there.shape}, and takes one number or as many, not "
            f"{numbers.shape}"
        ) from None

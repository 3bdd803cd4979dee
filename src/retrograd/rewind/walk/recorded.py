"""The first code cells of a trace's notebook: tools, what is given, what was recorded."""

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from retrograd.rewind.walk import recipes
from retrograd.rewind.walk.formulas import OptimizerFormulas
from retrograd.rewind.walk.literals import array_literal, number_literal
from retrograd.rewind.walk.parts import is_weightless

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

TOLERANCES = {"float64": "1e-11", "float32": "1e-5"}

CHECKS = '''

def check(name, ours, size=None):
    """Assert that ours is the recorded number, but for rounding; hand on the recorded one.

    The size of what was added up to it says how large a rounding error may be.
    """
    theirs = np.asarray(recorded[name])
    with np.errstate(over="ignore"):  # what overflows in the kernels' precision is infinite
        ours = np.asarray(ours).astype(theirs.dtype)
    size = np.abs(theirs) if size is None else np.asarray(size)
    assert np.shape(ours) == theirs.shape, (name, np.shape(ours), theirs.shape)
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(np.isfinite(ours), finite, err_msg=name)
    np.testing.assert_allclose(
        np.where(finite, ours, 0), np.where(finite, theirs, 0), rtol=rtol,
        atol=10_000 * least_normal + rtol * np.max(size, where=np.isfinite(size), initial=0),
        err_msg=name,
    )
    return theirs


def check_bits(name, ours):
    """Assert that ours is the recorded number to the last bit, if it is a normal one."""
    theirs = recorded[name]
    both = [np.where(np.abs(t) < least_normal, t.dtype.type(0), t) for t in (ours, theirs)]
    np.testing.assert_array_equal(*both, err_msg=name, strict=True)
    return theirs
'''


def setup_code(trace: "Trace") -> str:
    """Write imports, the tolerance, the checks, and what functions NumPy lacks."""
    names = (*trace.network.activations, trace.network.output)
    needed = dict.fromkeys(helper for name in names for helper in recipes.NEEDS.get(name, ()))
    coded = "b64decode(" in given_code(trace) + recorded_code(trace)
    lines = ["from base64 import b64decode"] if coded else []
    lines += ["import math"] if "erf" in needed else []
    lines += [*([""] if lines else []), "import numpy as np", ""]
    if trace.trouble is not None:
        lines.append('np.seterr(all="ignore")  # NaN and infinity are what there is to see')
    lines.append(f"rtol = {TOLERANCES[trace.theta.dtype.name]}")
    lines.append(f"least_normal = np.finfo(np.{trace.theta.dtype.name}).tiny")
    lines.append(CHECKS)
    if trace.theta.dtype == np.float32:
        lines.append(
            "\ndef wide(t):\n    # What is no sum the kernels compute in double precision.\n"
            "    return np.asarray(t, dtype=np.float64)\n"
        )
    lines += [f"\n{recipes.HELPERS[helper]}\n" for helper in needed]
    return "\n".join(lines).rstrip()


def given_code(trace: "Trace") -> str:
    """Write everything that the step started from."""
    lines = [f"learning_rate = {number_literal(trace.learning_rate, np.dtype(float))}"]
    lines += [f"{name} = {value!r}" for name, value in _hyperparameters(trace).items()]
    if trace.network.loss == "log_loss":
        lines.append(f"tiny = float(np.finfo(np.{trace.theta.dtype.name}).eps)")
    lines += ["", f"rows = {array_literal(trace.rows)}", "input = {}", *_input_lines(trace)]
    lines.append(f"y = {array_literal(trace.y)}")
    if trace.network.output == "softmax":
        lines.append(f"y_onehot = (y == np.arange({trace.network.widths[-1]})).astype(y.dtype)")
    if trace.sample_weight is None:
        lines.append("total = len(y)")
    else:
        lines.append(f"sample_weight = {array_literal(trace.sample_weight)}")
        lines.append("total = float(np.sum(sample_weight, dtype=np.float64))")
    before = {name: array for name, array in _arrays(trace).items() if name.startswith(_GIVEN)}
    names = dict.fromkeys(name.split("[")[0] for name in before)
    lines += ["", *(f"{name} = {{}}" for name in names)]
    lines += [f"{name} = {array_literal(array)}" for name, array in before.items()]
    return "\n".join(lines)


_GIVEN = ("W[", "b[", "velocity_W[", "velocity_b[", "m_W[", "m_b[", "v_W[", "v_b[")


def recorded_code(trace: "Trace") -> str:
    """Write everything that the step made."""
    lines = ["recorded = {}"]
    for name, value in _scalars(trace).items():
        lines.append(f"recorded[{name!r}] = {number_literal(value, np.dtype(float))}")
    for name, array in _arrays(trace).items():
        if not name.startswith((*_GIVEN, "input[")):
            lines.append(f"recorded[{name!r}] = {array_literal(array)}")
    return "\n".join(lines)


def _hyperparameters(trace: "Trace") -> dict[str, float]:
    optimizer = trace.optimizer
    names = {"sgd": ("momentum",), "rmsprop": ("beta_2", "epsilon")}.get(
        optimizer.solver, ("beta_1", "beta_2", "epsilon")
    )
    chosen = {name: float(getattr(optimizer, name)) for name in names}
    settings = optimizer.settings()
    if settings.alpha > 0.0:
        chosen["alpha"] = settings.alpha
    if settings.weight_decay > 0.0:
        chosen["weight_decay"] = settings.weight_decay
    return chosen


def _input_lines(trace: "Trace") -> list[str]:
    x = trace.layers[0].input
    if not scipy.sparse.issparse(x):
        return [f"input[0] = {array_literal(x)}"]
    entries = x.tocoo()
    return [
        f"input[0] = np.zeros({x.shape}, dtype=np.{x.dtype.name})  # sparse: these are there",
        f"entry_rows = {array_literal(entries.row.astype(np.int64))}",
        f"entry_columns = {array_literal(entries.col.astype(np.int64))}",
        f"np.add.at(input[0], (entry_rows, entry_columns), {array_literal(entries.data)})",
    ]


def _scalars(trace: "Trace") -> dict[str, float]:
    scalars = {"loss": trace.loss}
    if trace.optimizer.settings().alpha > 0.0:
        scalars["penalty"] = trace.penalty
    if trace.optimizer.solver in ("adam", "adamw"):
        scalars["correction"] = trace.correction
    return scalars


def _arrays(trace: "Trace") -> dict[str, np.ndarray]:
    """All arrays of a trace under the walk's symbols."""
    arrays = {"loss_per_row": trace.loss_per_row}
    if not scipy.sparse.issparse(trace.layers[0].input):
        arrays["input[0]"] = trace.layers[0].input
    names = ("W", "b", "z", "a", "delta", "dW", "db", "W_update", "b_update", "W_after", "b_after")
    for layer in trace.layers:
        arrays |= {f"{name}[{layer.layer}]": getattr(layer, name) for name in names}
        if decays(trace):
            arrays[f"W_decayed[{layer.layer}]"] = layer.W_decayed
        for number, slot in enumerate(OptimizerFormulas(trace.optimizer).slots):
            for part, view in (("W", trace.network.weights), ("b", trace.network.biases)):
                for when, slots in (("", trace.slots), ("_after", trace.slots_after)):
                    name = f"{slot}_{part}{when}[{layer.layer}]"
                    arrays[name] = view(slots[number], layer.layer)
    return arrays


def decays(trace: "Trace") -> bool:
    """Whether this step shrinks the weights apart from the gradient."""
    return trace.optimizer.settings().weight_decay > 0.0 and not is_weightless(trace)

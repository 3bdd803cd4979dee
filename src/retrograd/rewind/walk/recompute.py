"""The code cells of a trace's notebook: each section of the walk in NumPy, with its checks."""

import re
from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse

from retrograd.rewind.walk import recipes
from retrograd.rewind.walk.formulas import OptimizerFormulas
from retrograd.rewind.walk.literals import array_literal, number_literal
from retrograd.rewind.walk.regression import is_linear
from retrograd.rewind.walk.sections import is_weightless

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

TOLERANCES = {"float64": "1e-11", "float32": "1e-5"}

LINE = 90  # characters of a line of code

CHECKS = '''
def check(name, ours, size=None):
    """Assert that ours is the recorded number, but for rounding; hand on the recorded one.

    The size of what was added up to it says how large a rounding error may be.
    """
    theirs = np.asarray(recorded[name])
    size = np.abs(theirs) if size is None else np.asarray(size)
    assert np.shape(ours) == theirs.shape, (name, np.shape(ours), theirs.shape)
    finite = np.isfinite(theirs)
    np.testing.assert_array_equal(np.isfinite(ours), finite, err_msg=name)
    np.testing.assert_allclose(
        np.where(finite, ours, 0), np.where(finite, theirs, 0), rtol=rtol,
        atol=rtol * np.max(size, where=np.isfinite(size), initial=0), err_msg=name,
    )
    return theirs


def check_bits(name, ours):
    """Assert that ours is the recorded number to the last bit."""
    np.testing.assert_array_equal(ours, recorded[name], err_msg=name, strict=True)
    return recorded[name]
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
    lines += ["", "input = {}", *_input_lines(trace), f"y = {array_literal(trace.y)}"]
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
        f"rows = {array_literal(entries.row.astype(np.int64))}",
        f"columns = {array_literal(entries.col.astype(np.int64))}",
        f"np.add.at(input[0], (rows, columns), {array_literal(entries.data)})",
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
        if _decays(trace):
            decayed = trace.network.weights(trace.decayed, layer.layer)
            arrays[f"W_decayed[{layer.layer}]"] = decayed
        for number, slot in enumerate(OptimizerFormulas(trace.optimizer).slots):
            for part, view in (("W", trace.network.weights), ("b", trace.network.biases)):
                for when, slots in (("", trace.slots), ("_after", trace.slots_after)):
                    name = f"{slot}_{part}{when}[{layer.layer}]"
                    arrays[name] = view(slots[number], layer.layer)
    return arrays


def _decays(trace: "Trace") -> bool:
    return trace.optimizer.settings().weight_decay > 0.0 and not is_weightless(trace)


class Code:
    """The code of each section of a trace's walk.

    Parameters
    ----------
    trace : Trace
    """

    def __init__(self, trace: "Trace") -> None:
        self.trace = trace
        self.last = trace.network.n_layers - 1
        self.alpha = trace.optimizer.settings().alpha

    def of(self, key: str) -> str:
        """Write the code of the section with this key; empty if it has none."""
        kind, _, layer = key.partition("[")
        write = getattr(self, f"_{kind}")
        code = write(int(layer.rstrip("]"))) if layer else write()
        if self.trace.theta.dtype == np.float64:  # nothing has to be widened
            code = re.sub(r"wide\(([^()]*)\)", r"\1", code)
        return code

    def _place(self) -> str:
        return ""

    def _forward(self, n: int) -> str:
        lines = ["z, a = {}, {}"] if n == 0 else []
        x, name = _input_of(n), self.trace.layers[n].activation
        size = f"np.abs({x}) @ np.abs(W[{n}]) + np.abs(b[{n}])"
        lines.append(_checked(f"z[{n}]", f"{x} @ W[{n}] + b[{n}]", size))
        *before, value = recipes.activate(name, n).split("\n")
        # gelu's 1 + erf cancels where z is far below 0.
        lines += [*before, _checked(f"a[{n}]", value, f"np.abs(z[{n}])" if name == "gelu" else "")]
        if n == self.last:
            lines.append(f"y_pred = a[{n}]")
        return "\n".join([*lines, f"z[{n}], a[{n}]"])

    def _regression(self) -> str:
        if not is_linear(self.trace.network) or self.last == 0 or self.trace.trouble is not None:
            return ""
        W, b = "W[0]", "b[0]"
        W_size, b_size = "np.abs(W[0])", "np.abs(b[0])"
        for n in range(1, self.last + 1):
            W, b = f"{W} @ W[{n}]", f"({b}) @ W[{n}] + b[{n}]"
            W_size = f"{W_size} @ np.abs(W[{n}])"
            b_size = f"({b_size}) @ np.abs(W[{n}]) + np.abs(b[{n}])"
        size = f"np.abs(input[0]) @ ({W_size}) + {b_size}"
        same = f'check("z[{self.last}]", input[0] @ W_all + b_all, size)'
        return f"W_all = {W}\nb_all = {b}\nsize = {size}\n{same}\nW_all, b_all"

    def _loss(self) -> str:
        *before, rows = recipes.loss_of_rows(self.trace.network).split("\n")
        size = "(np.abs(t * log_ratio) + t + p).sum(axis=1)"
        poisson = self.trace.network.loss == "poisson"
        lines = [*before, _checked("loss_per_row", rows, size if poisson else "")]
        mean = "np.sum(loss_per_row) / total"
        if self.trace.sample_weight is not None:
            mean = "np.sum(sample_weight * loss_per_row) / total"
        if is_weightless(self.trace):
            lines += [_checked("penalty", "0.0")] if self.alpha > 0.0 else []
            return "\n".join([*lines, _checked("loss", "0.0"), "loss_per_row, loss"])
        if self.alpha > 0.0:
            squares = f"sum(np.sum(wide(W[n]) ** 2) for n in range({self.last + 1}))"
            lines.append(_checked("penalty", f"0.5 * alpha * {squares} / total"))
            mean += " + penalty"
        return "\n".join([*lines, _checked("loss", mean), "loss_per_row, loss"])

    def _backward(self, n: int) -> str:
        lines = ["delta, dW, db = {}, {}, {}"] if n == self.last else []
        lines += self._output_delta() if n == self.last else self._hidden_delta(n)
        x = _input_of(n)
        gradient, size = f"{x}.T @ delta[{n}]", f"np.abs({x}).T @ np.abs(delta[{n}])"
        sums, sums_size = f"delta[{n}].sum(axis=0)", f"np.abs(delta[{n}]).sum(axis=0)"
        if not is_weightless(self.trace):
            if self.alpha > 0.0:
                gradient = f"({gradient} + alpha * W[{n}])"
                size = f"({size} + alpha * np.abs(W[{n}]))"
            gradient, size = f"{gradient} / total", f"{size} / total"
            sums, sums_size = f"{sums} / total", f"{sums_size} / total"
        lines.append(_checked(f"dW[{n}]", gradient, size))
        lines.append(_checked(f"db[{n}]", sums, sums_size))
        return "\n".join([*lines, f"delta[{n}], dW[{n}], db[{n}]"])

    def _output_delta(self) -> list[str]:
        error = recipes.output_delta(self.trace.network)
        if self.trace.sample_weight is not None:
            error = f"sample_weight[:, None] * ({error})"
        return [_checked(f"delta[{self.last}]", error)]

    def _hidden_delta(self, n: int) -> list[str]:
        name = self.trace.layers[n].activation
        back = f"delta[{n + 1}] @ W[{n + 1}].T"
        size = f"np.abs(delta[{n + 1}]) @ np.abs(W[{n + 1}]).T"
        if name == "identity":
            return [_checked(f"delta[{n}]", back, size)]
        if name == "relu":  # infinity times 0 would be NaN
            return [_checked(f"delta[{n}]", f"np.where(z[{n}] <= 0, 0, {back})", size)]
        lines = [recipes.BEFORE["selu"].rstrip()] if name == "selu" else []
        lines.append(f"slope = {recipes.slope(name, n)}")
        return [*lines, _checked(f"delta[{n}]", f"({back}) * slope", size)]

    def _rate(self) -> str:
        formulas = OptimizerFormulas(self.trace.optimizer)
        lines = [f"{slot}_{part}_after = {{}}" for slot in formulas.slots for part in ("W", "b")]
        lines += ["W_update, b_update, W_after, b_after = {}, {}, {}, {}"]
        lines += ["W_decayed = {}"] if _decays(self.trace) else []
        if self.trace.optimizer.solver in ("adam", "adamw"):
            lines.append(f"t = {self.trace.step + 1}")
            lines.append(_checked("correction", "np.sqrt(1 - beta_2 ** t) / (1 - beta_1 ** t)"))
            lines.append("correction = float(correction)")
        return "\n".join(lines)

    def _update(self, n: int) -> str:
        lines = []
        for part in ("W", "b"):
            lines += self._moved(part, n)
        return "\n".join([*lines, f"W_after[{n}], b_after[{n}]"])

    def _moved(self, part: str, n: int) -> list[str]:
        optimizer, weightless = self.trace.optimizer, is_weightless(self.trace)
        names = {"G": f"d{part}[{n}]"}
        lines = []
        for slot in OptimizerFormulas(optimizer).slots:
            after = f"{slot}_{part}_after[{n}]"
            new, size = recipes.slots_after(optimizer, slot)
            if weightless:
                new, size = "S", ""
            here = {**names, "S": f"{slot}_{part}[{n}]"}
            lines.append(_checked(after, _put(new, here), _put(size, here)))
            names[slot] = after
        before, (move, size) = f"{part}[{n}]", recipes.update(optimizer)
        if part == "W" and _decays(self.trace):
            kept = f"W[{n}] * (1 - learning_rate * weight_decay)"
            lines.append(f'W_decayed[{n}] = check_bits("W_decayed[{n}]", {kept})')
            before = f"W_decayed[{n}]"
        if weightless:
            move, size = f"np.zeros_like({before})", ""
        update, after = f"{part}_update[{n}]", f"{part}_after[{n}]"
        lines.append(_checked(update, _put(move, names), _put(size, names)))
        return [*lines, f'{after} = check_bits("{after}", {before} + {update})']


def _input_of(layer: int) -> str:
    return "input[0]" if layer == 0 else f"a[{layer - 1}]"


def _checked(name: str, code: str, size: str = "") -> str:
    line = f'{name} = check("{name}", {code}{", " + size if size else ""})'
    if len(line) <= LINE:
        return line
    parts = [f'"{name}"', code, *([size] if size else [])]
    return f"{name} = check(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _put(code: str, names: dict[str, str]) -> str:
    """Put the names of a layer's numbers for the letters and slots of a recipe."""
    return re.sub(r"\b[A-Za-z]\w*\b", lambda found: names.get(found[0], found[0]), code)

"""The code cells of a trace's notebook: each section of the walk in NumPy, with its checks."""

import re
from typing import TYPE_CHECKING

import numpy as np

from retrograd.rewind.walk import recipes
from retrograd.rewind.walk.formulas import OptimizerFormulas
from retrograd.rewind.walk.parts import is_weightless
from retrograd.rewind.walk.recorded import decays
from retrograd.rewind.walk.regression import is_linear

if TYPE_CHECKING:
    from retrograd.rewind.trace import Trace

LINE = 90  # characters of a line of code


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
            if n > 1:
                b, b_size = f"({b})", f"({b_size})"
            W, b = f"{W} @ W[{n}]", f"{b} @ W[{n}] + b[{n}]"
            W_size = f"{W_size} @ np.abs(W[{n}])"
            b_size = f"{b_size} @ np.abs(W[{n}]) + np.abs(b[{n}])"
        lines = [f"W_all = {W}", f"b_all = {b}", f"W_size = {W_size}", f"b_size = {b_size}"]
        size = "np.abs(input[0]) @ W_size + b_size"
        lines.append(f'check("z[{self.last}]", input[0] @ W_all + b_all, {size})')
        return "\n".join([*lines, "W_all, b_all"])

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
        lines += ["W_decayed = {}"] if decays(self.trace) else []
        if self.trace.optimizer.solver in ("adam", "adamw"):
            lines.append(f"t = {self.trace.n_updates}")
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
            new, size = recipes.slots_after(slot)
            if weightless:
                new, size = "S", ""
            here = {**names, "S": f"{slot}_{part}[{n}]"}
            lines.append(_checked(after, _put(new, here), _put(size, here)))
            names[slot] = after
        before, (move, size) = f"{part}[{n}]", recipes.update(optimizer)
        if part == "W" and decays(self.trace):
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

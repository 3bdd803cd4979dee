"""The last sections of a walk: the learning rate, and how each layer moves."""

from typing import TYPE_CHECKING

from retrograd.rewind.walk import remarks
from retrograd.rewind.walk.document import Formula, Line, Section, shape_of
from retrograd.rewind.walk.formulas import OptimizerFormulas, symbol
from retrograd.rewind.walk.parts import given, is_weightless, layer_title

if TYPE_CHECKING:
    from retrograd.rewind.trace import LayerTrace, Trace


def rate_section(trace: "Trace") -> Section:
    """The step's learning rate, and what multiplies it."""
    optimizer = trace.optimizer
    lines = [
        Line(Formula("learning_rate", r"\eta"), None, "", trace.learning_rate, remarks.DIRECTION)
    ]
    if optimizer.solver in ("adam", "adamw"):
        t, beta_1, beta_2 = trace.n_updates, f"{optimizer.beta_1:.15g}", f"{optimizer.beta_2:.15g}"
        formula = Formula(
            f"√(1 − {beta_2}^{t}) / (1 − {beta_1}^{t})",
            rf"\frac{{\sqrt{{1 - {beta_2}^{{{t}}}}}}}{{1 - {beta_1}^{{{t}}}}}",
        )
        lines.append(
            Line(Formula("correction", "c"), formula, "", trace.correction, remarks.CORRECTION)
        )
    return Section(f"Update: {optimizer.solver}", tuple(lines), key="rate")


def update_section(trace: "Trace", layer: "LayerTrace") -> Section:
    """One layer's move: the optimizer's memory before and after, the update, the parameters."""
    n, lines = layer.layer, []
    for part in ("W", "b"):
        lines += _slots(trace, part, n)
        lines += _move(trace, layer, part)
    return Section(f"Update: {layer_title(trace, n)}", tuple(lines), key=f"update[{n}]")


def _slots(trace: "Trace", part: str, layer: int) -> list[Line]:
    formulas, network = OptimizerFormulas(trace.optimizer), trace.network
    view = network.weights if part == "W" else network.biases
    lines = []
    for slot, name in enumerate(formulas.slots):
        before, after = symbol(f"{name}_{part}", layer), symbol(f"{name}_{part}_after", layer)
        formula = formulas.slot_after(name, part, layer)
        if is_weightless(trace):
            formula = before
        new = view(trace.slots_after[slot], layer)
        lines.append(given(before.text, before.latex, view(trace.slots[slot], layer)))
        lines.append(Line(after, formula, shape_of(new), new))
    return lines


def _move(trace: "Trace", layer: "LayerTrace", part: str) -> list[Line]:
    n, optimizer, weightless = layer.layer, trace.optimizer, is_weightless(trace)
    before, lines = symbol(part, n), []
    if part == "W" and optimizer.settings().weight_decay > 0.0 and not weightless:
        decayed, alpha = symbol("W_decayed", n), f"{optimizer.alpha:.15g}"
        formula = Formula(
            f"(1 − learning_rate * {alpha}) {before.text}",
            rf"(1 - \eta\,{alpha})\,{before.latex}",
        )
        value = layer.W_decayed
        why = remarks.DECAY if n == 0 else ""
        lines.append(Line(decayed, formula, shape_of(value), value, why))
        before = decayed
    update, after = symbol(f"{part}_update", n), symbol(f"{part}_after", n)
    moved = getattr(layer, f"{part}_update")
    formula = OptimizerFormulas(optimizer).update(part, n)
    if weightless:
        formula = Formula("0", "0")
    lines.append(Line(update, formula, shape_of(moved), moved))
    new = getattr(layer, f"{part}_after")
    formula = Formula(f"{before.text} + {update.text}", f"{before.latex} + {update.latex}")
    lines.append(Line(after, formula, shape_of(new), new))
    return lines

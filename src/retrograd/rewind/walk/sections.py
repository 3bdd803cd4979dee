"""A trace told as a document: where we are, forward, loss, backward, update."""

from typing import TYPE_CHECKING

import numpy as np

from retrograd.engine.notes import counted
from retrograd.rewind.walk import remarks
from retrograd.rewind.walk.document import (
    Document,
    Formula,
    Line,
    Section,
    entries_or_array,
    shape_of,
)
from retrograd.rewind.walk.formulas import (
    activation,
    loss_of_row,
    output_delta,
    slope,
    symbol,
)
from retrograd.rewind.walk.moves import rate_section, update_section
from retrograd.rewind.walk.parts import given, is_weightless, layer_title, step_in_words
from retrograd.rewind.walk.regression import regression_section

if TYPE_CHECKING:
    from retrograd.rewind.trace import LayerTrace, Trace


def document_of(trace: "Trace") -> Document:
    """Tell a trace as a document.

    Parameters
    ----------
    trace : Trace

    Returns
    -------
    Document
    """
    last_first = reversed(trace.layers)
    regression = regression_section(trace)
    sections = [
        _place(trace),
        *(_forward(trace, layer) for layer in trace.layers),
        *([regression] if regression else []),
        _loss(trace),
        *(_backward(trace, layer) for layer in last_first),
        rate_section(trace),
        *(update_section(trace, layer) for layer in trace.layers),
    ]
    title = f"Step {trace.step:,} (epoch {trace.epoch:,}): {step_in_words(trace)}"
    return Document(title, (remarks.NAMES,), tuple(sections))


def _place(trace: "Trace") -> Section:
    """Where we are: the rows, their targets and weights."""
    B = trace.rows.size
    where = (
        f"Steps taken before this one: {trace.step:,}, whole epochs: {trace.epoch:,}. This one "
        f"learns from {counted(B, 'row')}."
    )
    if trace.trouble is not None:
        where += f" NaN or infinity was first seen in {trace.trouble}."
    if is_weightless(trace):
        where += f" {remarks.WEIGHTLESS}"
    lines = [given("rows", r"\mathrm{rows}", trace.rows), given("y", "y", trace.y)]
    if trace.network.output == "softmax":
        classes = trace.y[:, 0].astype(int)
        onehot = (classes[:, None] == np.arange(trace.network.widths[-1])).astype(int)
        lines.append(given("y_onehot", r"y_{\mathrm{onehot}}", onehot, remarks.ONE_HOT))
    if trace.sample_weight is not None:
        lines.append(given("sample_weight", "w", trace.sample_weight))
    return Section("Where we are", tuple(lines), where, "place")


def _forward(trace: "Trace", layer: "LayerTrace") -> Section:
    """One layer forward: z, then a."""
    n, B = layer.layer, trace.rows.size
    x, (W, b, z) = _input_symbol(n), (symbol(name, n) for name in ("W", "b", "z"))
    n_in, n_out = layer.W.shape
    lines = []
    if n == 0:
        lines.append(given(x.text, x.latex, entries_or_array(layer.input)))
    lines += [
        given(W.text, W.latex, layer.W),
        given(b.text, b.latex, layer.b, remarks.BIAS if n == 0 else ""),
        Line(
            z,
            Formula(f"{x.text} @ {W.text} + {b.text}", f"{x.latex} {W.latex} + {b.latex}"),
            f"({B}, {n_in}) @ ({n_in}, {n_out}) + ({n_out},) → ({B}, {n_out})",
            layer.z,
        ),
        Line(symbol("a", n), activation(layer.activation, n), shape_of(layer.a), layer.a),
    ]
    if n == trace.network.n_layers - 1:
        lines.append(Line(Formula("y_pred", r"\hat y"), symbol("a", n), shape_of(trace.y_pred)))
    return Section(f"Forward: {layer_title(trace, n)}", tuple(lines), key=f"forward[{n}]")


def _input_symbol(layer: int) -> Formula:
    return symbol("input", 0) if layer == 0 else symbol("a", layer - 1)


def _total(trace: "Trace") -> Formula:
    """Write the sum of the rows' weights."""
    if trace.sample_weight is None:
        return Formula(f"{trace.rows.size}", f"{trace.rows.size}")
    return Formula("sum(sample_weight)", r"\sum_r w_r")


def _loss(trace: "Trace") -> Section:
    """The rows' losses, the penalty, the batch's loss."""
    network, total, alpha = trace.network, _total(trace), trace.optimizer.settings().alpha
    mean_over = network.widths[-1] > 1 and network.output == "identity"
    lines = [
        Line(
            Formula("loss_per_row", r"\ell"),
            loss_of_row(network),
            shape_of(trace.loss_per_row),
            trace.loss_per_row,
            remarks.SUM_OF_OUTPUTS if mean_over else remarks.clipped(trace),
        )
    ]
    text, latex = "mean(loss_per_row)", rf"\frac{{1}}{{{total.latex}}} \sum_r \ell_r"
    if trace.sample_weight is not None:
        text = f"sum(sample_weight * loss_per_row) / {total.text}"
        latex = rf"\frac{{\sum_r w_r \ell_r}}{{{total.latex}}}"
    if alpha > 0.0:
        squares = " + ".join(f"sum(W[{n}]²)" for n in range(network.n_layers))
        if network.n_layers > 3:
            squares = f"sum(W[0]²) + … + sum(W[{network.n_layers - 1}]²)"
        norm = r"\sum_l \lVert W_{l} \rVert^2"
        lines.append(
            Line(
                Formula("penalty", r"\mathrm{penalty}"),
                Formula(
                    f"½ {alpha:.15g} ({squares}) / {total.text}",
                    rf"\frac{{\tfrac12\,{alpha:.15g} {norm}}}{{{total.latex}}}",
                ),
                "",
                trace.penalty,
                remarks.PENALTY,
            )
        )
        text, latex = f"{text} + penalty", rf"{latex} + \mathrm{{penalty}}"
    if is_weightless(trace):
        text, latex = "0, since all rows weigh 0", "0"
    lines.append(Line(Formula("loss", r"\mathrm{loss}"), Formula(text, latex), "", trace.loss))
    return Section("Loss", tuple(lines), key="loss")


def _backward(trace: "Trace", layer: "LayerTrace") -> Section:
    """One layer backward: delta, then the gradients of its weights and biases."""
    n = layer.layer
    output = n == trace.network.n_layers - 1
    lines = _output_delta(trace, layer) if output else _hidden_delta(trace, layer)
    lines += _gradients(trace, layer, output)
    return Section(f"Backward: {layer_title(trace, n)}", tuple(lines), key=f"backward[{n}]")


def _output_delta(trace: "Trace", layer: "LayerTrace") -> list[Line]:
    weighted, B = trace.sample_weight is not None, trace.rows.size
    shape = shape_of(layer.delta)
    line = Line(
        symbol("delta", layer.layer),
        output_delta(trace.network, weighted),
        f"({B}, 1) * {shape} → {shape}" if weighted else shape,
        layer.delta,
        remarks.error(trace.network),
    )
    if not weighted:
        return [line]
    return [line, Line(Formula("", ""), remark=remarks.COLUMN.format(rows=B))]


def _hidden_delta(trace: "Trace", layer: "LayerTrace") -> list[Line]:
    n, B = layer.layer, trace.rows.size
    after = trace.layers[n + 1]
    delta, W, z = symbol("delta", n + 1), symbol("W", n + 1), symbol("z", n)
    text, latex = f"{delta.text} @ {W.text}.T", rf"{delta.latex} {W.latex}^\top"
    n_in, n_out = after.W.shape
    shapes = f"({B}, {n_out}) @ ({n_out}, {n_in}) → ({B}, {n_in})"
    made = symbol("delta", n)
    if layer.activation == "identity":
        return [Line(made, Formula(text, latex), shapes, layer.delta, remarks.IDENTITY_SLOPE)]
    told = {later.activation for later in trace.layers[n + 1 : -1]} - {"identity"}
    why = [] if told else [remarks.CHAIN]
    if layer.activation == "relu" and "relu" not in told:
        why.append(remarks.RELU_SLOPE)
    text, latex = f"({text}) * f′({z.text})", rf"({latex}) \odot f'({z.latex})"
    return [
        Line(Formula(f"f′({z.text})", f"f'({z.latex})"), slope(layer.activation, n)),
        Line(made, Formula(text, latex), shapes, layer.delta, " ".join(why)),
    ]


def _gradients(trace: "Trace", layer: "LayerTrace", first: bool) -> list[Line]:
    """Lines of dW and db; remarks the first time only."""
    n, B, total = layer.layer, trace.rows.size, _total(trace)
    x, W, delta = _input_symbol(n), symbol("W", n), symbol("delta", n)
    n_in, n_out = layer.W.shape
    text, latex = f"{x.text}.T @ {delta.text}", rf"{x.latex}^\top {delta.latex}"
    alpha = trace.optimizer.settings().alpha
    sum_text, sum_latex = f"sum of {delta.text}'s rows", rf"\sum_r {delta.latex}"
    if not is_weightless(trace):
        if alpha > 0.0:
            text = f"({text} + {alpha:.15g} {W.text})"
            latex = rf"{latex} + {alpha:.15g}\,{W.latex}"
        if total.text != "1":
            text, sum_text = f"{text} / {total.text}", f"{sum_text} / {total.text}"
            latex = rf"\frac{{{latex}}}{{{total.latex}}}"
            sum_latex = rf"\frac{{{sum_latex}}}{{{total.latex}}}"
    why = ""
    if first:
        why = remarks.outer_product(n_in, n_out) if B == 1 else remarks.AVERAGE
    return [
        Line(
            symbol("dW", n),
            Formula(text, latex),
            f"({n_in}, {B}) @ ({B}, {n_out}) → ({n_in}, {n_out})",
            layer.dW,
            why,
        ),
        Line(
            symbol("db", n),
            Formula(sum_text, sum_latex),
            f"({B}, {n_out}) → ({n_out},)",
            layer.db,
            remarks.DB if first else "",
        ),
    ]

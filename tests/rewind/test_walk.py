"""The walk: the trace's own numbers, every formula and remark in its place, in all faces."""

import io
import re
from dataclasses import fields

import numpy as np
import pytest
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from problems import OPTIMIZERS, PAIRS
from retrograd.engine.batches import make_data
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.trace import LayerTrace, Trace, trace_step
from retrograd.rewind.walk.document import Entries, entries_or_array
from retrograd.rewind.walk.numbers import grid, summary
from retrograd.rewind.walk.text import WIDTH
from walks import (
    CASES,
    LOGISTIC,
    PLAIN,
    POISSON,
    SOFTMAX,
    SQUARED,
    make_trace,
    unwrapped,
    values_of,
    weightless_trace,
)


def test_it_shows_the_traces_own_numbers(trace: Trace) -> None:
    """Not copies, and nothing is left out."""
    values, network = values_of(trace), trace.network
    for layer in trace.layers:
        for field in fields(LayerTrace)[3:]:
            if field.name == "W_decayed" and trace.optimizer.solver != "adamw":
                continue
            shown = values[f"{field.name}[{layer.layer}]"]
            assert np.shares_memory(shown, getattr(layer, field.name)), field.name
        for part, view in (("W", network.weights), ("b", network.biases)):
            names = [name for name in ("velocity", "m", "v") if f"{name}_{part}[0]" in values]
            assert len(names) == trace.optimizer.n_slots
            for slot, name in enumerate(names):
                before = view(trace.slots[slot], layer.layer)
                after = view(trace.slots_after[slot], layer.layer)
                n = layer.layer
                np.testing.assert_array_equal(values[f"{name}_{part}[{n}]"], before)
                np.testing.assert_array_equal(values[f"{name}_{part}_after[{n}]"], after)
    assert values["loss"] == trace.loss
    assert values["loss_per_row"] is trace.loss_per_row
    assert values["learning_rate"] == trace.learning_rate
    assert values["y"] is trace.y
    assert ("sample_weight" in values) == (trace.sample_weight is not None)


def test_shapes_are_those_of_the_numbers(trace: Trace) -> None:
    """What a line says its shape is, after the arrow if there is one."""
    for section in trace.document().sections:
        for line in section.lines:
            if isinstance(line.value, np.ndarray | Entries):
                assert line.shapes.split(" → ")[-1] == str(line.value.shape), line.symbol.text


def test_sections_come_in_the_steps_order(trace: Trace) -> None:
    """Forward, loss, backward from the last layer, update."""
    keys = [section.key for section in trace.document().sections if section.key != "regression"]
    layers = range(trace.network.n_layers)
    expected = ["place", *(f"forward[{n}]" for n in layers), "loss"]
    expected += [*(f"backward[{n}]" for n in reversed(layers)), "rate"]
    assert keys == [*expected, *(f"update[{n}]" for n in layers)]


def test_text_is_a_hundred_columns_wide(trace: Trace) -> None:
    """No line is longer, and large arrays are short."""
    text = str(trace)
    assert max(map(len, text.splitlines())) <= WIDTH
    assert len(text.splitlines()) < 600
    assert text.splitlines()[0].startswith(f"Step {trace.step} (epoch 0)")


def test_full_text_has_every_digit(trace: Trace) -> None:
    """Each number of each array can be read back from it, bit for bit."""
    file = io.StringIO()
    trace.show(full=True, file=file)
    words = set(re.split(r"[\s\[\]⎡⎤⎢⎥⎣⎦]+", file.getvalue()))
    for layer in trace.layers:
        for name in ("W", "z", "delta", "dW", "W_after"):
            assert {str(value) for value in getattr(layer, name).ravel()} <= words, name


def test_show_prints(capsys: pytest.CaptureFixture[str]) -> None:
    """On standard output, and on a stream that knows no arrows."""
    trace = CASES["the notebook's"]()
    trace.show()
    assert capsys.readouterr().out == f"{trace}\n"
    raw = io.BytesIO()
    with io.TextIOWrapper(raw, encoding="ascii") as file:
        trace.show(file=file)
        file.flush()
        assert b"z[0] = input[0] @ W[0] + b[0]" in raw.getvalue()


def test_repr_is_a_short_line(trace: Trace) -> None:
    """Of the trace, and of its layers."""
    for thing in (trace, *trace.layers):
        assert "\n" not in repr(thing)
        assert len(repr(thing)) < 80


@pytest.mark.parametrize(
    ("pair", "formula", "why"),
    [
        (LOGISTIC, "delta[1] = y_pred − y ", "Why no σ′ here"),
        (SOFTMAX, "delta[1] = y_pred − y_onehot ", "Why no derivative of the softmax here"),
        (SQUARED, "delta[1] = y_pred − y ", "the ½ takes"),
        (POISSON, "delta[1] = y_pred − y ", "Why no exp′ here"),
        (("absolute_error", "identity"), "delta[1] = sign(y_pred − y) ", "The slope of |r|"),
        (("huber", "identity"), "delta[1] = clip(y_pred − y, −0.7, 0.7) ", "cut at the width"),
        (("quantile", "identity"), "0.7 where y_pred > y, −0.3 where y_pred < y", "Only the side"),
    ],
)
def test_every_loss_says_why_its_error_is_what_it_is(
    pair: tuple[str, str], formula: str, why: str
) -> None:
    """The formula at the output, and the remark."""
    text = unwrapped(make_trace((2, 3, 2), "tanh", pair))
    assert formula in text
    assert why in text


def test_every_pair_has_its_error() -> None:
    """The list above has them all."""
    assert len(PAIRS) == 7


def test_remarks_where_learners_stumble() -> None:
    """Once each, at the place."""
    one_row = unwrapped(CASES["the notebook's"]())
    for said in [
        "Some keep it among the weights",
        "The bias' own input is always 1",
        "v[:, None] makes v of shape (n,) a column (n, 1)",
        "delta[:, None] @ x[None, :]",
        "f(z) = z, so f′ = 1",
        "What this network is: a logistic regression",
    ]:
        assert one_row.count(said) == 1, said
    deep = unwrapped(CASES["adam"]())
    for said in ["Why f′", "Where a relu is off", "Each row of y_onehot", "counted from 1"]:
        assert deep.count(said) == 1, said
    assert "is an outer product" not in deep
    assert "sample_weight[:, None] makes the vector a column" in str(CASES["huber"]())


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_activation_has_its_formulas(activation: str) -> None:
    """Value and slope, with the symbols put in."""
    trace = make_trace((2, 3, 2), activation, SQUARED)
    lines = {
        line.symbol.text: line for section in trace.document().sections for line in section.lines
    }
    assert "z[0]" in lines["a[0]"].formula.text
    assert "z_{0}" in lines["a[0]"].formula.latex
    if activation == "identity":
        assert lines["delta[0]"].formula.text == "delta[1] @ W[1].T"
    else:
        assert lines["delta[0]"].formula.text == "(delta[1] @ W[1].T) * f′(z[0])"
        assert re.search(r"[za]\[0\]", lines["f′(z[0])"].formula.text)
    for line in lines.values():
        for formula in (line.formula, line.symbol):
            assert formula is None or not re.search(r"\b[ZA]\b", formula.text)


@pytest.mark.parametrize(
    ("name", "formulas"),
    [
        ("sgd", ["W_update[0] = −learning_rate * dW[0]", "W_after[0] = W[0] + W_update[0]"]),
        (
            "sgd with momentum",
            [
                "velocity_W_after[0] = 0.8 velocity_W[0] − learning_rate * dW[0]",
                "W_update[0] = velocity_W_after[0]",
            ],
        ),
        (
            "sgd with Nesterov",
            ["W_update[0] = 0.8 velocity_W_after[0] − learning_rate * dW[0]"],
        ),
        (
            "adam",
            [
                "m_b_after[1] = 0.9 m_b[1] + (1 − 0.9) db[1]",
                "v_W_after[0] = 0.999 v_W[0] + (1 − 0.999) dW[0]²",
                "m_W_after[0] / (√v_W_after[0] + 1e-08)",
                "correction = √(1 − 0.999^2) / (1 − 0.9^2) = ",
            ],
        ),
        (
            "adamw",
            [
                "W_decayed[0] = (1 − learning_rate * 0.3) W[0]",
                "W_after[0] = W_decayed[0] + W_update[0]",
                "b_after[0] = b[0] + b_update[0]",
                "dW[0] = input[0].T @ delta[0] / 5",
            ],
        ),
        (
            "rmsprop",
            [
                "v_W_after[0] = 0.9 v_W[0] + (1 − 0.9) dW[0]²",
                "W_update[0] = −learning_rate * dW[0] / (√v_W_after[0] + 1e-08)",
                "dW[0] = (input[0].T @ delta[0] + 0.3 W[0]) / 5",
                "penalty = ½ 0.3 (sum(W[0]²) + sum(W[1]²)) / 5",
            ],
        ),
    ],
)  # fmt: skip
def test_every_optimizer_has_its_formulas(name: str, formulas: list[str]) -> None:
    """With its own hyperparameters written in."""
    assert name in OPTIMIZERS
    text = str(make_trace((2, 3, 1), "tanh", SQUARED, 5, name))
    for formula in formulas:
        assert formula in text


def test_weights_are_in_the_formulas() -> None:
    """In the loss, the error at the output and both gradients."""
    text = str(make_trace((2, 3, 1), "tanh", SQUARED, 5, weights=True))
    assert "loss = sum(sample_weight * loss_per_row) / sum(sample_weight)" in text
    assert "delta[1] = sample_weight[:, None] * (y_pred − y)" in text
    assert "dW[0] = input[0].T @ delta[0] / sum(sample_weight)" in text
    assert "db[0] = sum of delta[0]'s rows / sum(sample_weight)" in text


@pytest.mark.parametrize(
    ("pair", "name"),
    [
        (LOGISTIC, "logistic regression"),
        (SOFTMAX, "softmax regression"),
        (SQUARED, "linear regression"),
        (POISSON, "Poisson regression"),
        (("absolute_error", "identity"), "median regression"),
        (("huber", "identity"), "robust linear regression"),
        (("quantile", "identity"), "quantile regression"),
    ],
)
def test_a_linear_net_is_a_regression(pair: tuple[str, str], name: str) -> None:
    """Its weights and biases, multiplied out, give the last layer's z."""
    trace = make_trace((3, 4, 5, 2), "identity", pair)
    assert f"What this network is: a {name}" in str(trace)
    values = values_of(trace)
    z = trace.layers[0].input @ values["W_all"] + values["b_all"]
    np.testing.assert_allclose(z, trace.layers[-1].z, rtol=1e-12)
    assert "What this network is" not in str(make_trace((3, 4, 5, 2), "tanh", pair))
    alone = str(make_trace((3, 2), "", pair))
    assert f"With no hidden layer, W[0] and b[0] are the coefficients of a {name}." in alone


def test_the_regression_is_written_out() -> None:
    """For few features and one output; its numbers are W_all's."""
    trace = make_trace((2, 3, 1), "identity", LOGISTIC)
    values = values_of(trace)
    said = re.search(r"y_pred = σ\((\S+) ([+−]) (\S+) x\[0\] ([+−]) (\S+) x\[1\]\)", str(trace))
    b, sign_0, W_0, sign_1, W_1 = said.groups()
    found = [float(b), float(sign_0.replace("−", "-") + W_0), float(sign_1.replace("−", "-") + W_1)]
    np.testing.assert_allclose(found, [*values["b_all"], *values["W_all"][:, 0]], rtol=1e-5)


def test_a_step_that_diverged() -> None:
    """Is shown with its NaN and infinity, and says where they began."""
    with np.errstate(all="ignore"):
        trace = make_trace((2, 30, 2), "relu", SQUARED, 30, "adam", steps=0, scale=1e200)
        text = unwrapped(trace)
        assert trace.to_latex().isascii()
        assert r"\infty" in trace.to_latex()
        assert "inf" in trace._repr_html_()
    assert trace.trouble is not None
    assert f"NaN or infinity was first seen in {trace.trouble}." in text
    assert "loss = mean(loss_per_row) + penalty = inf" in text
    assert "infinite" in text


def test_a_batch_that_weighs_nothing() -> None:
    """Says so, and its formulas are those of standing still."""
    text = unwrapped(weightless_trace("adam"))
    assert "All rows of this batch weigh 0" in text
    assert "W_update[0] = 0 " in text
    assert "m_W_after[0] = m_W[0] " in text
    assert "loss = 0, since all rows weigh 0 = 0" in text


@pytest.mark.parametrize("pair", [LOGISTIC, SOFTMAX])
def test_a_clipped_loss_is_said_to_be_one(pair: tuple[str, str]) -> None:
    """Since the formula alone would come to infinity, or to NaN."""
    assert "Before the logarithm" not in unwrapped(make_trace((2, 2), "", pair))
    text = unwrapped(make_trace((2, 2), "", pair, scale=1e4))
    assert "kept between 2.2e-16 and 1 − 2.2e-16, so that none costs more than 36.04" in text


def test_sparse_rows() -> None:
    """Few are shown as the matrix they are, many as their entries."""
    small = make_trace((3, 2, 1), "tanh", SQUARED, 4, storage="csr")
    values = values_of(small)
    np.testing.assert_array_equal(values["input[0]"], small.layers[0].input.toarray())
    large = CASES["sparse"]()
    entries = values_of(large)["input[0]"]
    assert isinstance(entries, Entries)
    again = scipy.sparse.coo_array(
        (entries.values, (entries.rows, entries.columns)), shape=entries.shape
    )
    np.testing.assert_array_equal(again.toarray(), large.layers[0].input.toarray())
    assert "240 of 480 entries are there" in str(large)
    nothing = entries_or_array(scipy.sparse.csr_array((30, 30)))
    assert nothing.values.size == 0


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64]),
        arrays.array_shapes(min_dims=1, max_dims=2, max_side=12),
        elements=st.floats(width=32),
    ),
    st.integers(3, 8),
)
def test_any_array_is_written(array: np.ndarray, most: int) -> None:
    """Its corners are there to four digits, and it is never larger than asked for."""
    found = grid(array, most, most)
    assert len(found.cells) <= most
    assert {len(row) for row in found.cells} == {min(most, np.atleast_2d(array).shape[1])}
    corner, last = np.atleast_2d(array)[0, 0], np.atleast_2d(array)[-1, -1]
    scale = np.abs(array[np.isfinite(array)]).max(initial=0.0)
    for value, cell in ((corner, found.cells[0][0]), (last, found.cells[-1][-1])):
        np.testing.assert_allclose(float(cell), value, rtol=1e-4, atol=1e-5 * scale + 1e-45)
    if array.size > most**2 * 2:
        assert found.left_out == summary(array)


def test_layers_with_functions_of_their_own() -> None:
    """Each section names its own."""
    network = Network((2, 3, 4, 1), ("identity", "tanh"), "identity", "squared_error")
    theta = network.initial_parameters("he_normal", np.random.RandomState(0))
    data = make_data(network, np.ones((2, 2)), np.ones(2))
    state = State.start(theta, PLAIN)
    text = str(trace_step(network, PLAIN, data, state, np.arange(2), 0.1))
    assert "Forward: layer 0 (hidden, identity, 2 → 3)" in text
    assert "Backward: layer 1 (hidden, tanh, 3 → 4)" in text
    assert "Update: layer 2 (output, identity, 4 → 1)" in text
    assert "What this network is" not in text
    assert text.count("Why f′") == 1


@pytest.mark.parametrize("activations", [("relu", "identity"), ("relu", "tanh"), ("relu", "relu")])
def test_why_the_slope_multiplies_is_said_once(activations: tuple[str, str]) -> None:
    """At the first layer, from the back, that bends; and of a relu at the first of those."""
    network = Network((2, 3, 4, 1), activations, "identity", "squared_error")
    theta = network.initial_parameters("he_normal", np.random.RandomState(0))
    data = make_data(network, np.ones((2, 2)), np.ones(2))
    state = State.start(theta, PLAIN)
    text = unwrapped(trace_step(network, PLAIN, data, state, np.arange(2), 0.1))
    assert text.count("Why f′") == text.count("Where a relu is off") == 1


def test_hyperparameters_are_not_rounded() -> None:
    """1 − 0.99999999 is not 0."""
    optimizer = Optimizer("adam", beta_2=0.99999999, epsilon=1e-12, alpha=1e-5)
    text = str(make_trace((2, 3, 1), "tanh", SQUARED, 5, optimizer))
    assert "0.99999999 v_W[0] + (1 − 0.99999999) dW[0]²" in text
    assert "+ 1e-12)" in text
    assert "+ 1e-05 W[0]) / 5" in text

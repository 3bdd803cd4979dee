"""Expressions: what they answer, and what they ask for."""

import pickle
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
import pytest

from retrograd.rewind.expressions import Expression, completions
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.vocabulary import CONSTANTS, FUNCTIONS, LAYERED, NAMES, norm
from step_values import VALUES

V = VALUES
C0 = V["coefs"][0].astype(np.float64)


def value(text, values=VALUES):
    return Expression(text).value(values)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("loss", 0.53),
        ("  loss ", 0.53),
        ("loss > 2", False),
        ("loss < 2", True),
        ("1 + 2 * 3 - 4 / 8", 6.5),
        ("7 // 2 + 7 % 4", 6.0),
        ("-7 // 2", -4.0),
        ("-2 ** 2", -4.0),
        ("2 ** -1", 0.5),
        ("+step - -1", 18.0),
        ("1_000 + .5 + 1e-3 + 2.", 1002.501),
        ("True", True),
        ("not loss > 2", True),
        ("0.1 < loss < 0.2", False),
        ("0.1 < loss < 0.6 != 0.7", True),
        ("epoch >= 3 and learning_rate <= 1e-3", True),
        ("epoch > 3 or step == 17", True),
        ("coefs[0][2, 3]", C0[2, 3]),
        ("coefs[-1][0]", V["coefs"][1][0]),
        ("a[0][:, 3]", V["a"][0][:, 3]),
        ("a[0][1:4:2, -2:]", V["a"][0][1:4:2, -2:]),
        ("x[1][2]", V["x"][1, 2]),
        ("y[::-1]", V["y"][::-1]),
        ("(z[0] > 0)[:, 1]", V["z"][0][:, 1] > 0),
        ("dW[0] * 2 - db[0]", V["dW"][0] * 2 - V["db"][0]),
        ("0 < z[0] < 1", (V["z"][0] > 0) & (V["z"][0] < 1)),
        ("any(isnan(dW[0]))", False),
        ("any(isnan(dW[1]))", True),
        ("all(isfinite(dW[1]))", False),
        ("sum(isnan(dW[1]))", 1.0),
        ("mean(z[0] > 0)", np.mean(V["z"][0] > 0)),
        ("isinf(inf)", True),
        ("isnan(nan)", True),
        ("max(abs(coefs[0])) > 10", False),
        ("max(z[0]) - min(z[0])", np.ptp(V["z"][0])),
        ("norm(dW[0]) / norm(coefs[0])", np.linalg.norm(V["dW"][0]) / np.linalg.norm(C0)),
        ("mean(y_pred)", V["y_pred"].mean()),
        ("std(loss_per_row)", V["loss_per_row"].std()),
        ("median(coefs[0])", np.median(C0)),
        ("sum(coefs[0])", C0.sum()),
        ("sqrt(penalty)", 0.5),
        ("exp(log(loss))", 0.53),
        ("sign(x)", np.sign(V["x"])),
        ("argmax(x)", V["x"].argmax()),
        ("argmin(x[0])", V["x"][0].argmin()),
        ("size(coefs[0])", 12),
        ("dead(1, 1)", True),
        ("dead(1, 0)", False),
        ("dead(-1, -1)", True),
        ("(loss > 0) + (loss > 0)", 2.0),
        ("-(loss > 0)", -1.0),
        ("sum(y)", 3.0),
        ("y + 0.5", V["y"] + 0.5),
        ("size(x[5:])", 0),
        ("sum(x[5:]) == 0", True),
    ],
)
def test_values(text, expected):
    result = value(text)
    assert np.shape(result) == np.shape(expected)
    assert (np.asarray(result).dtype == bool) == (np.asarray(expected).dtype == bool)
    np.testing.assert_allclose(result, expected, rtol=1e-13)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 / 0", np.inf),
        ("-1 / 0", -np.inf),
        ("0 / 0", np.nan),
        ("1 // 0", np.inf),
        ("1 % 0", np.nan),
        ("log(0)", -np.inf),
        ("log(-1)", np.nan),
        ("sqrt(-1)", np.nan),
        ("(-8) ** (1 / 3)", np.nan),
        ("0 ** -1", np.inf),
        ("exp(1000)", np.inf),
        ("inf - inf", np.nan),
        ("9**9**9**9", np.inf),
        ("10**100", 1e100),
        ("1e999", np.inf),
        ("mean(dW[1])", np.nan),
        ("std(inf * x)", np.nan),
        ("median(inf * x - inf)", np.nan),
    ],
)
def test_what_mathematics_has_no_number_for_is_silent_nan_or_infinity(text, expected):
    np.testing.assert_allclose(Expression(text).number(VALUES), expected)


def test_arithmetic_is_in_float64_whatever_goes_in():
    weight = V["coefs"][0][0, 0]
    assert value("coefs[0]").dtype == np.float32
    assert value("coefs[0][0, 0] + 1") == np.float64(weight) + 1.0
    assert value("exp(coefs[0])").dtype == value("sum(coefs[0])").dtype == np.float64
    # 0.1 in float32 is not 0.1, and 17 to the 20th does not fit into an integer.
    tenth = {"penalty": np.full(2, 0.1, np.float32), "step": 17}
    assert not any(value("penalty == 0.1", tenth))
    assert value("step ** 20", tenth) == 17.0**20


def test_norm_is_of_the_whole_and_does_not_overflow_in_float32():
    values = {"dW": [np.full((3, 4), 1e30, np.float32)]}
    np.testing.assert_allclose(value("norm(dW[0])", values), 12**0.5 * np.float64(np.float32(1e30)))


def test_an_array_that_is_handed_out_is_a_copy():
    values = {"x": np.zeros((2, 2)), "dW": [np.zeros((2, 2))]}
    for text in ("x", "x[0]", "dW[0]", "dW[0][:, 1]"):
        value(text, values)[...] = 1.0
    assert not values["x"].any()
    assert not values["dW"][0].any()


class Asked(Mapping):
    """Values that note what is asked of them."""

    def __init__(self, values):
        self.values, self.asked = values, []

    def __getitem__(self, name):
        self.asked.append(name)
        return self.values[name]

    def __contains__(self, name):
        return name in self.values

    def __iter__(self):
        raise AssertionError("nobody may ask for everything")

    __len__ = __iter__


class AskedLayers(Sequence):
    """Layers that note which of them are asked for."""

    def __init__(self, layers):
        self.layers, self.asked = layers, []

    def __getitem__(self, layer):
        self.asked.append(layer)
        return self.layers[layer]

    def __len__(self):
        return len(self.layers)


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("loss > 2", ["loss"]),
        ("loss > 2 and any(isnan(dW[1]))", ["loss"]),
        ("loss < 2 and any(isnan(dW[1]))", ["loss", "dW"]),
        ("loss < 2 or any(isnan(dW[1]))", ["loss"]),
        ("0.1 < loss < 0.2", ["loss"]),
        ("dead(1, 0)", ["delta"]),
        ("1 + inf", []),
    ],
)
def test_only_what_is_needed_is_asked_for(text, asked):
    values = Asked(VALUES)
    Expression(text).value(values)
    assert values.asked == asked


def test_of_the_layers_only_one_is_asked_for():
    layers = AskedLayers(V["dW"])
    value("max(abs(dW[1]))", {"dW": layers})
    assert layers.asked == [1]


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("loss > 2 and any(isnan(dW[1]))", {"loss", "dW"}),
        ("dead(0, 0)", {"delta"}),
        ("a[0][:, 1] - x", {"a", "x"}),
        ("1 + nan", set()),
    ],
)
def test_names(text, names):
    assert Expression(text).names == frozenset(names)


def test_every_name_and_function_can_be_written_and_is_described():
    for name, says in NAMES.items():
        text = f"{name}[0]" if name in LAYERED else name
        assert says
        assert Expression(text).names == {name}
        value(text)
    for name, function in FUNCTIONS.items():
        assert function.says
        value(f"{name}({'1, 0' if name == 'dead' else 'loss'})")
    assert not {*NAMES} & {*FUNCTIONS}
    assert all(name in CONSTANTS for name in completions("") if name not in {*NAMES, *FUNCTIONS})


def test_completions():
    assert completions("lo") == ["log", "loss", "loss_per_row"]
    assert completions("dW") == ["dW"]
    assert completions("zz") == []
    assert len(completions("")) == len(NAMES) + len(FUNCTIONS) + len(CONSTANTS)


def test_holds_takes_one_truth_value():
    assert Expression("loss > 0.5").holds(VALUES) is True
    assert Expression("y_pred[0, 0] > 2").holds(VALUES) is False
    assert Expression("x[:1, :1] > -inf").holds(VALUES) is True
    for text in ("x > 0", "x[5:] > 0", "x > 0 and loss > 0", "not x > 0", "loss < 0 or x > 0"):
        with pytest.raises(ExpressionError, match=r"write any\(...\) or all\(...\)"):
            Expression(text).holds(VALUES)
    for text in ("loss", "not loss", "loss > 0 and epoch", "argmax(x)", "1"):
        with pytest.raises(ExpressionError, match="compare it, as in loss > 2"):
            Expression(text).holds(VALUES)


def test_number_takes_one_number():
    number = Expression("dead(1, 1)").number(VALUES)
    assert (type(number), number) == (float, 1.0)
    assert Expression("x[:1, :1]").number(VALUES) == V["x"][0, 0]
    for text in ("x", "x[5:]", "x > 0"):
        with pytest.raises(ExpressionError, match=r"not a single number: write max\(...\)"):
            Expression(text).number(VALUES)


def test_large_arrays_may_grow_a_little():
    column = np.broadcast_to(np.int8(1), (4_000_000, 1))
    row = np.zeros((1, 3), np.int8)
    assert value("size(y > x)", {"y": column, "x": row}) == 12_000_000


def test_a_chain_asks_and_works_out_each_part_once():
    text = "0 < loss < 1"
    for _ in range(12):
        text = f"0 <= ({text}) <= 1"
    values = Asked(VALUES)
    assert Expression(text).holds(values)
    assert values.asked == ["loss"]


def test_expressions_and_their_errors_cross_process_borders():
    again = pickle.loads(pickle.dumps(Expression("loss > 0.5")))
    assert (again.text, again.names, again.holds(VALUES)) == ("loss > 0.5", {"loss"}, True)
    assert repr(again) == "Expression('loss > 0.5')"
    with pytest.raises(ExpressionError) as caught:
        Expression("los")
    error = caught.value
    copied = pickle.loads(pickle.dumps(error))
    assert (str(copied), copied.reason, copied.start) == (str(error), error.reason, 0)


def test_norm_does_not_overflow_where_it_is_a_number_itself():
    huge = np.array([3e200, -4e200])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(norm(huge), 5e200, rtol=1e-15)
        assert norm(np.array([np.inf, 1.0])) == np.inf
        assert np.isnan(norm(np.array([np.nan, np.inf])))
        assert norm(np.zeros(3)) == 0.0


def test_a_unit_is_dead_if_no_row_sends_it_any_delta() -> None:
    """One row is enough to keep it alive."""
    delta = [np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 3.0]])]
    dead = [Expression(f"dead(0, {unit})").holds({"delta": delta}) for unit in range(3)]
    assert dead == [True, False, False]

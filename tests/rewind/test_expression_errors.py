"""Expressions: what they refuse, when, and how they say it."""

import ast
import re

import numpy as np
import pytest

from retrograd.rewind.expressions import Expression
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.vocabulary import OPERATORS
from step_values import VALUES


def refusal(text, values=VALUES):
    """The error of an expression that must be refused, here or when it is worked out."""
    with pytest.raises(ExpressionError) as caught:
        Expression(text).value(values)
    return caught.value


def unread(text):
    """The error of an expression that must be refused before there are any values."""
    with pytest.raises(ExpressionError) as caught:
        Expression(text)
    return caught.value


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("los > 2", 1, "los: unknown; did you mean loss?"),
        ("Loss > 2", 1, "did you mean loss?"),
        ("1 + max(dw[0])", 9, "dw: unknown; did you mean dW?"),
        ("X", 1, "did you mean x?"),
        # As a trace's formulas have them.
        ("max(W[0]) > 2", 5, "W: unknown; did you mean coefs?"),
        ("b[1][0]", 1, "b: unknown; did you mean intercepts?"),
        ("input[0]", 1, "input: unknown; did you mean x, or a of the layer before?"),
        ("qqq", 1, "there are loss, penalty, learning_rate"),
        ("maxx(x)", 1, "did you mean max?"),
        ("print(x)", 1, "there are any, all, isnan"),
        ("__builtins__", 1, "unknown"),
        ("loss(2)", 1, "a name, not a function"),
        ("coefs(0)", 1, "a name, not a function"),
        ("max > 2", 1, "a function: write max(...)"),
        ("max[0]", 1, "a function: write max(...)"),
        ("dead", 1, "a function: write dead(...)"),
        ("max(abs(coefs)) > 2", 9, "say which, as in coefs[0]"),
        ("coefs", 1, "say which, as in coefs[0]"),
        ("1 + coefs[0, 1]", 11, "first the layer, one number, as in coefs[0]"),
        ("coefs[:]", 7, "first the layer"),
        ("coefs[step]", 7, "first the layer"),
        ("coefs[1.0]", 7, "first the layer"),
        ("coefs[True]", 7, "first the layer"),
        ("x[step]", 3, "subscripts are whole numbers and slices"),
        ("x[1.5]", 3, "subscripts are whole numbers and slices"),
        ("x[True]", 3, "subscripts are whole numbers and slices"),
        ("x[x > 0]", 3, "subscripts are whole numbers and slices"),
        ("x[:, None]", 6, "subscripts are whole numbers and slices"),
        ("x[()]", 3, "subscripts are whole numbers and slices"),
        ("x[0, *y]", 6, "subscripts are whole numbers and slices"),
        ("x[step:]", 3, "a whole number is needed here"),
        ("x[99999999999999999999]", 3, "too large for a whole number"),
        ("x[-99999999999999999999:]", 4, "too large for a whole number"),
        ("coefs[9223372036854775808]", 7, "too large for a whole number"),
        ("dead(0, 99999999999999999999)", 9, "too large for a whole number"),
        ("1" * 400, 1, "too large for a whole number: write it as in 1e20"),
        ("max()", 1, "max takes 1 argument, not 0"),
        ("max(x, y)", 1, "max takes 1 argument, not 2"),
        ("dead(1)", 1, "dead takes 2 arguments, not 1"),
        ("dead(step, 1)", 6, "two whole numbers, as in dead(0, 7)"),
        ("dead(1, 1.0)", 9, "two whole numbers, as in dead(0, 7)"),
        ("dead(1, True)", 9, "two whole numbers, as in dead(0, 7)"),
        ("loss == nan", 9, "write isnan(...)"),
        ("0 < nan < 1", 5, "write isnan(...)"),
        # Beyond the language, though Python would read them.
        ("coefs.__class__", 6, "there are no attributes"),
        ("().__class__", 3, "there are no attributes"),
        ("x[0].T", 5, "there are no attributes"),
        ("x[...]", 3, "there are no attributes"),
        ("__import__('os')", 12, "there is no text"),
        ('"loss"', 1, "there is no text"),
        ("f'{loss}'", 2, "there is no text"),
        ("b''", 2, "there is no text"),
        ("`loss`", 1, "there is no text"),
        ("max(x, axis=0)", 12, "no named arguments"),
        ("loss = 2", 6, "== compares"),
        ("(loss := 2)", 8, "== compares"),
        ("loss > 1 & step > 1", 10, "write and, or, not"),
        ("loss > 1 | step > 1", 10, "write and, or, not"),
        ("loss ^ 2", 6, "write and, or, not"),
        ("~loss", 1, "write and, or, not"),
        ("!loss", 1, "write and, or, not"),
        ("x @ y", 3, "this has no place"),
        ("{loss}", 1, "this has no place"),
        ("loss; step", 5, "this has no place"),
        ("loss # 2", 6, "this has no place"),
        ("loss \\", 6, "this has no place"),
        ("loss\n+ 1", 5, "this has no place"),
        ("loss\0", 5, "this has no place"),
        ("\0", 1, "this has no place"),
        ("ｌoss > 2", 1, "this has no place"),
        ("lоss > 2", 2, "this has no place"),
        ("loss > ２", 8, "this has no place"),
        ("x − 1", 3, "this has no place"),
        ("loss \ud800", 6, "this has no place"),
        ("0x10", 1, "write numbers as in 12"),
        ("1j", 1, "write numbers as in 12"),
        ("1or 2", 1, "write numbers as in 12"),
        ("1.2.3", 1, "write numbers as in 12"),
        ("1.__class__", 1, "write numbers as in 12"),
        ("lambda: 1", 1, "not in this language"),
        ("lambda x: x", 1, "not in this language"),
        ("(lambda x: x)(1)", 1, "not in this language"),
        ("[1, 2]", 1, "not in this language"),
        ("(1, 2)", 1, "not in this language"),
        ("[y for y in x]", 1, "not in this language"),
        ("sum(y for y in x)", 4, "not in this language"),
        ("1 if loss else 2", 1, "not in this language"),
        ("max(*x)", 5, "not in this language"),
        ("max(**x)", 1, "not in this language"),
        ("abs(max)(x)", 1, "not in this language"),
        ("loss is 2", 1, "not in this language"),
        ("loss in y", 1, "not in this language"),
        ("loss not in y", 1, "not in this language"),
        ("None", 1, "not in this language"),
        # No Python either.
        ("await loss", 1, "not"),
        ("loss >", 7, "not an expression"),
        ("(loss", 1, "'(' was never closed"),
        ("loss)", 5, "unmatched ')'"),
        ("loss loss", 6, "not an expression"),
        ("loss > > 2", 8, "not an expression"),
        ("1__0", 2, "not an expression"),
        ("01", 1, "not an expression"),
        ("import", 1, "not an expression"),
        ("x[]", 3, "not an expression"),
    ],
)
def test_refused_before_there_are_any_values(text, column, says):
    error = unread(text)
    first, echo, carets = str(error).split("\n")
    assert says in first
    assert first.startswith((f"at column {column}:", f"at column {column},"))
    assert error.start == column - 1
    assert carets.index("^") == column + 3
    assert len(echo) == len(text) + 4


@pytest.mark.parametrize("text", ["", "   ", "\t"])
def test_nothing_is_no_expression(text):
    assert "empty" in str(unread(text))


@pytest.mark.parametrize(
    "text",
    [
        "(" * 499,
        "-" * 499 + "1",
        "not " * 120 + "True",
        "abs(" * 40 + "1" + ")" * 40,
        "(" * 240 + "1" + ")" * 240,
        "1**" * 150 + "1",
        "1+" * 40 + "1",
        "1<" * 200 + "1",
        "x" + "[0]" * 100,
        "max(" * 100,
    ],
)
def test_too_deep_or_too_many(text):
    assert re.search("too deeply|too many|never closed", str(unread(text)))


def test_too_long():
    assert "501 characters are too many, 500" in str(unread("1" + " " * 499 + "2"))
    assert len(str(unread("loss + " * 10**6))) < 100
    assert Expression("1 +" + " " * 496 + "2").number({}) == 3.0


def test_what_just_fits():
    assert Expression("-" * 29 + "1").number({}) == -1.0
    assert Expression("1 <" * 98 + "1").holds({}) is False
    assert "too deeply" in str(unread("-" * 30 + "1"))


@pytest.mark.parametrize(
    ("text", "column", "says"),
    [
        ("1 + max(dW[7])", 9, "dW[7]: there are 2 layers, 0 to 1"),
        ("dW[-3]", 1, "dW[-3]: there are 2 layers, 0 to 1"),
        ("dead(2, 0)", 1, "dead(2, 0): there are 2 layers, 0 to 1"),
        ("dead(1, 2)", 1, "dead(1, 2): out of range: the shape is (5, 2)"),
        ("1 + coefs[0][3, 2]", 5, "coefs[0][3, 2]: out of range: the shape is (3, 4)"),
        ("x[0][0][0]", 1, "x[0][0][0]: out of range: a single number"),
        ("loss[0]", 1, "loss[0]: out of range: a single number"),
        ("x[0, 0, 0]", 1, "out of range: the shape is (5, 3)"),
        ("x[9223372036854775807]", 1, "out of range"),
        ("x[::0]", 1, "x[::0]: slice step cannot be zero"),
        ("1 + (x + dW[0])", 6, "x + dW[0]: the shapes (5, 3) and (3, 4) do not fit together"),
        ("x[:2] < x", 1, "the shapes (2, 3) and (5, 3) do not fit together"),
        ("max(x[5:])", 1, "there is nothing in this array"),
        ("mean(x[5:])", 1, "there is nothing in this array"),
        ("std(x[5:])", 1, "there is nothing in this array"),
        ("median(x[5:])", 1, "there is nothing in this array"),
        ("argmax(x[5:])", 1, "there is nothing in this array"),
        ("epoch > 0 and x > 0", 15, "x > 0: of shape (5, 3), not a single truth value"),
    ],
)
def test_refused_at_a_step(text, column, says):
    error = refusal(text)
    assert says in str(error).split("\n")[0]
    assert error.start == column - 1


def test_one_layer_is_told_so():
    assert "there is 1 layer, 0" in str(refusal("z[1]", {"z": VALUES["z"][:1]}))


@pytest.mark.parametrize(
    "thing", [None, "text", np.array(["a", "b"]), np.array([1j]), [object()], [[1.0], [1.0, 2.0]]]
)
def test_what_holds_no_numbers_is_refused(thing):
    for text, values in (("y + 1", {"y": thing}), ("dW[0]", {"dW": [thing]})):
        error = refusal(text, values)
        assert error.text[error.start : error.end] in ("y", "dW[0]")


def test_a_name_that_these_values_lack():
    assert "y_pred: not known at this step" in str(refusal("1 + y_pred", {"loss": 1.0}))
    assert "dead(0, 0): not known at this step" in str(refusal("dead(0, 0)", {}))


@pytest.mark.parametrize("error", [OSError, KeyError])
def test_an_error_of_the_values_themselves_is_not_hidden(error):
    """Neither as a name that is not there."""

    class Broken(dict):
        def __getitem__(self, name):
            raise error("the file is gone")

    with pytest.raises(error, match="the file is gone"):
        Expression("loss").value(Broken(loss=0.0))


def test_outer_products_are_refused_before_they_are_made():
    # Neither takes memory, but what they would make does not fit into any.
    tall = np.broadcast_to(0.0, (10**7, 1))
    values = {"y": tall, "y_pred": tall.T, "x": np.zeros((4000, 1)), "loss_per_row": np.zeros(3000)}
    for text in ("y + y_pred", "y_pred < y", "0 < y < y_pred", "1 < y_pred * y"):
        assert "would make 100,000,000,000,000 entries" in str(refusal(text, values))
    assert "would make 12,000,000 entries" in str(refusal("x * loss_per_row", values))
    assert Expression("x * loss_per_row[:20]").value(values).shape == (4000, 20)


def test_the_error_says_it_in_its_first_line_and_points():
    assert str(unread("max(abs(dw[0])) > 1")).split("\n") == [
        "at column 9, dw: unknown; did you mean dW?",
        "    max(abs(dw[0])) > 1",
        "            ^^",
    ]


def test_the_error_tells_a_terminal_nothing():
    error = unread("loss \x1b[2J\r\n\ud800")
    assert all(line.isprintable() for line in str(error).split("\n"))
    str(error).encode()


def test_the_operators_are_arithmetic_and_comparisons_only():
    assert all(issubclass(kind, ast.operator | ast.unaryop | ast.cmpop) for kind in OPERATORS)
    beyond = {ast.MatMult, ast.BitAnd, ast.BitOr, ast.BitXor, ast.Invert, ast.LShift, ast.RShift}
    assert not beyond & {*OPERATORS}

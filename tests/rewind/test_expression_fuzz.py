"""Expressions: whatever the text is, an answer or an ExpressionError; and NumPy's own answers."""

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from retrograd.rewind.expressions import Expression
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.vocabulary import CONSTANTS, FUNCTIONS, NAMES
from step_values import DRAW, VALUES

PYTHON = ["lambda", "if", "else", "for", "in", "is", "None", "await", "yield", ":=", "=", ".", "**"]
SIGNS = [*"+-*/%<>()[],:", "//", "**", "==", "!=", "<=", ">=", "and", "or", "not", "True"]
NUMBERS = ["0", "1", "7", "2.5", "1e300", "1e999", "99999999999999999999", "9223372036854775807"]
WORDS = [*NAMES, *FUNCTIONS, *CONSTANTS, "coefs[0]", "x[0]", "dead(1, 0)", "a[0][:, 1]"]
SOUPS = st.lists(st.sampled_from([*SIGNS, *NUMBERS, *WORDS, *PYTHON]), max_size=40)


def outcome(ask, *about):
    """What comes of it, or the ExpressionError; any other error is a failure."""
    try:
        return ask(*about)
    except ExpressionError as error:
        return error


def answer_or_refusal(text):
    """Whatever the text is, nothing but a bounded answer or an ExpressionError comes of it."""
    expression = outcome(Expression, text)
    if isinstance(expression, ExpressionError):
        assert str(expression).encode()
        return
    assert expression.names <= {*NAMES}
    result = outcome(expression.value, VALUES)
    if isinstance(result, ExpressionError):
        assert str(result).encode()
        return
    assert np.asarray(result).dtype.kind in "biuf"
    assert np.size(result) <= 100
    truth, number = (outcome(ask, VALUES) for ask in (expression.holds, expression.number))
    assert type(truth) is bool or "single truth value" in str(truth) or "compare it" in str(truth)
    assert type(number) is float or "single number" in str(number)


@given(st.text(max_size=60))
@example("\ud800")
@example("loss\r")
@example("\x0closs")
def test_any_text(text):
    answer_or_refusal(text)


@given(st.text(alphabet="0123456789eExXjJ_.+-*() \tlos", max_size=30))
def test_any_text_of_numbers(text):
    answer_or_refusal(text)


@given(SOUPS, st.sampled_from(["", " "]))
@settings(max_examples=400)
def test_any_soup_of_words(words, between):
    answer_or_refusal(between.join(words))


ATOMS = st.sampled_from([*NUMBERS, "loss", "step", "x", "y", "y_pred", "coefs[0]", "dW[1]", "nan"])
SUBSCRIPTS = st.sampled_from(["[0]", "[-1]", "[:, 1]", "[1:]", "[::2, 0:1]", "[0, 0]", "[9]"])
BINARY = st.sampled_from(["+", "-", "*", "/", "//", "%", "**", "<", ">=", "==", "and", "or"])
UNARY = st.sampled_from(["-", "not ", *(f"{name}" for name in FUNCTIONS if name != "dead")])
GRAMMAR = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds("({}){}".format, inner, SUBSCRIPTS),
        st.builds("({}) {} ({})".format, inner, BINARY, inner),
        st.builds("({}) {} ({}) {} ({})".format, inner, BINARY, inner, BINARY, inner),
        st.builds("{}({})".format, UNARY, inner),
    ),
    max_leaves=25,
)


@given(GRAMMAR)
@settings(max_examples=400)
def test_any_sentence_of_the_grammar(text):
    answer_or_refusal(text)


# Against Python and NumPy themselves. Each sentence is written twice: ours, and theirs, in which
# constants are made float64, and powers are NumPy's (NumPy's scalars have their own).

PLAIN = {
    "loss": np.float64(0.53),
    "x": DRAW.normal(size=(3, 4)),
    "y_pred": DRAW.normal(size=(3, 4)),
    "intercepts": [DRAW.normal(size=4)],
}
ALIKE = ["abs", "max", "min", "sum", "mean", "std", "median", "sqrt", "exp", "log", "sign"]
THEIRS = {**PLAIN, "float64": np.float64, "power": np.power}
THEIRS |= {name: getattr(np, name) for name in ALIKE}
LEAVES = ["loss", "x", "y_pred", "intercepts[0]", "x[:, 1:2]", "y_pred[-1]", "x[::2][0]"]
SIGNS_ALIKE = st.sampled_from(["+", "-", "*", "/", "//", "%"])
COMPARISONS = st.sampled_from(["<", "<=", ">", ">=", "==", "!="])


def both(pattern, *parts, theirs=None):
    """The same sentence twice; a part is a pair of texts, or one text for both."""
    pairs = [part if isinstance(part, tuple) else (part, part) for part in parts]
    ours, others = zip(*pairs, strict=True)
    return pattern.format(*ours), (theirs or pattern).format(*others)


TWICE = st.recursive(
    st.one_of(
        st.sampled_from(LEAVES).map(lambda text: (text, text)),
        st.sampled_from(["2.0", "0.5", "3.0"]).map(lambda text: (text, f"float64({text})")),
    ),
    lambda inner: st.one_of(
        st.builds(both, st.just("({} {} {})"), inner, SIGNS_ALIKE, inner),
        st.builds(both, st.just("({} ** {})"), inner, inner, theirs=st.just("power({}, {})")),
        st.builds(both, st.just("(-{})"), inner),
        st.builds(both, st.just("{}({})"), st.sampled_from(ALIKE), inner),
        st.builds(both, st.just("mean({} {} {})"), inner, COMPARISONS, inner),
    ),
    max_leaves=10,
)


@given(TWICE)
@settings(max_examples=300)
def test_the_same_as_numpy(twice):
    ours, theirs = twice
    with np.errstate(all="ignore"):
        expected = eval(theirs, {"__builtins__": {}}, THEIRS)
    np.testing.assert_array_equal(Expression(ours).value(PLAIN), expected, strict=True)

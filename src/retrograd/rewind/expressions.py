"""Expressions: the small, safe language in which people ask about a training step.

It is arithmetic and nothing more: numbers, the names and functions of `vocabulary`,
``+ - * / // % **``, comparisons, ``and or not``, and subscripts of whole numbers and slices. The
text becomes Python's syntax tree, every node of which must be one that `Expression._read` knows; no
code is ever made of it. Text, tree and arrays are bounded, and so is the work.
"""

import ast
import math
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches
from functools import partial
from typing import Any, NoReturn

import numpy as np

from retrograd.rewind.syntax import fail, subscript, tree_of, whole_number
from retrograd.rewind.vocabulary import (
    CONSTANTS,
    FUNCTIONS,
    IN_TRACES,
    LAYERED,
    MAX_ENTRIES,
    NAMES,
    OPERATORS,
    TooLargeError,
)

MAX_NODES, MAX_DEPTH = 200, 30
# A result may also have so many times the entries of its larger operand. What goes beyond that, and
# beyond MAX_ENTRIES, is somebody's outer product.
MAX_GROWTH = 4

# What works a part of an expression out, given the values of a step.
Answer = Callable[[Mapping[str, Any]], Any]


def completions(prefix: str) -> list[str]:
    """Names and functions that a word may become, in order.

    Examples
    --------
    >>> completions("is")
    ['isfinite', 'isinf', 'isnan']
    """
    return sorted(word for word in {**NAMES, **CONSTANTS, **FUNCTIONS} if word.startswith(prefix))


class Expression:
    """A question about a training step: read and checked once, answered at any step.

    Arithmetic is in float64; division by zero and the like give NaN or infinity. ``and``, ``or``
    and ``not`` take single truth values, and the first two stop as soon as they know. A chain
    such as ``0 < a[0] < 1`` is compared entry by entry.

    Parameters
    ----------
    text : str
        One line of at most 500 characters.

    Attributes
    ----------
    text : str
        Without the spaces around it.
    names : frozenset of str
        The variables that it may ask for; ``dead`` asks for ``delta``.

    Raises
    ------
    ExpressionError
        If the text is no such expression.

    Examples
    --------
    >>> expression = Expression("max(abs(dW[0])) > 2 * learning_rate")
    >>> sorted(expression.names)
    ['dW', 'learning_rate']
    >>> expression.holds({"dW": [np.array([[0.1, -0.5]])], "learning_rate": 0.1})
    True
    >>> Expression("max(abs(dw[0])) > 1")
    Traceback (most recent call last):
    retrograd.rewind.syntax.ExpressionError: at column 9, dw: unknown; did you mean dW?
        max(abs(dw[0])) > 1
                ^^
    """

    def __init__(self, text: str) -> None:
        self.text = text.strip()
        self._n_nodes = 0
        self._asked: set[str] = set()
        self._tree = tree_of(self.text)
        self._answer = self._read(self._tree)
        self.names = frozenset(self._asked)

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"

    def __reduce__(self) -> tuple:
        """Read the text again in the other process."""
        return type(self), (self.text,)

    def value(self, values: Mapping[str, Any]) -> Any:
        """Work it out.

        Parameters
        ----------
        values : mapping of names to numbers, arrays, or sequences of one array a layer
            Only what is needed is asked for, and of a sequence only its length and one layer. A
            KeyError is told as a name that is not known at this step.

        Returns
        -------
        NumPy scalar or ndarray
            A copy: the next step may be written over the arrays of this one.

        Raises
        ------
        ExpressionError
            If this step has no answer: an index out of range, shapes that do not fit.

        Examples
        --------
        >>> Expression("a[0][:, 1] - 1").value({"a": [np.array([[1.0, 2.0], [3.0, 4.0]])]})
        array([1., 3.])
        """
        return np.array(self._answer(values))[()]

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether it is true, if it comes to a single truth value; else an ExpressionError.

        Examples
        --------
        >>> Expression("epoch >= 3 and loss > 2").holds({"epoch": 1})
        False
        """
        return self._truth(self._tree, self._answer(values))

    def number(self, values: Mapping[str, Any]) -> float:
        """The number, if it comes to a single one; true is 1, false is 0; else an ExpressionError.

        Examples
        --------
        >>> Expression("norm(db[0]) / 10").number({"db": [np.array([3.0, 4.0])]})
        0.5
        """
        result = self._answer(values)
        if np.size(result) != 1:
            advice = "write max(...), mean(...), or the indices of one entry"
            self._fail(self._tree, f"of shape {np.shape(result)}, not a single number: {advice}")
        return float(np.asarray(result).item())

    def _fail(self, node: ast.expr, reason: str) -> NoReturn:
        fail(self.text, node, reason)

    def _read(self, node: ast.expr, depth: int = 1) -> Answer:
        """What works out a node of the tree, if it is one of the language."""
        self._n_nodes += 1
        if depth > MAX_DEPTH or self._n_nodes > MAX_NODES:
            self._fail(node, "too long or nested too deeply: ask in several expressions")
        read = partial(self._read, depth=depth + 1)
        match node:
            case ast.Constant(value=bool(constant)):
                return lambda values: np.bool_(constant)
            case ast.Constant(value=int() | float() as constant):
                # Not a Python float, or NumPy would round it to the float32 that it stands beside.
                number = np.float64(
                    whole_number(self.text, node) if type(constant) is int else constant
                )
                return lambda values: number
            case ast.Name(id=name):
                return self._read_name(node, name)
            case ast.Subscript(value=ast.Name(id=name), slice=part) if name in LAYERED:
                index = whole_number(
                    self.text, part, f"first the layer, one number, as in {name}[0]"
                )
                return self._read_layer(node, name, index)
            case ast.Subscript(value=whole, slice=part):
                index = subscript(self.text, part)
                return self._read_apply(node, partial(self._entry, index), read(whole))
            case ast.UnaryOp(op=ast.Not(), operand=part):
                answer = read(part)
                return lambda values: np.logical_not(self._truth(part, answer(values)))
            case ast.UnaryOp(op=op, operand=part) if type(op) in OPERATORS:
                return self._read_apply(node, OPERATORS[type(op)], read(part))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
                return self._read_apply(node, OPERATORS[type(op)], read(left), read(right))
            case ast.BoolOp(op=op, values=parts):
                pairs = [(part, read(part)) for part in parts]
                return lambda values: self._join(
                    op, (self._truth(part, answer(values)) for part, answer in pairs)
                )
            case ast.Compare(left=left, ops=ops, comparators=others):
                if all(type(op) in OPERATORS for op in ops):
                    functions = [OPERATORS[type(op)] for op in ops]
                    return self._read_chain(node, functions, [read(p) for p in (left, *others)])
            case ast.Call(func=ast.Name() as function, args=arguments, keywords=[]):
                if self._check_call(node, function, len(arguments)) == "dead":
                    advice = "two whole numbers, as in dead(0, 7)"
                    layer, unit = (whole_number(self.text, part, advice) for part in arguments)
                    delta = self._read_layer(node, "delta", layer)
                    return self._read_apply(node, self._function("dead"), delta, lambda _: unit)
                return self._read_apply(node, self._function(function.id), *map(read, arguments))
        self._fail(
            node,
            "not in this language, which has numbers, names, + - * / // % **, comparisons, "
            "and, or, not, subscripts and functions",
        )

    def _read_name(self, node: ast.expr, name: str) -> Answer:
        if name in CONSTANTS:
            return lambda values: CONSTANTS[name]
        if name in LAYERED:
            self._fail(node, f"there is one for each layer: say which, as in {name}[0]")
        if name in FUNCTIONS:
            self._fail(node, f"a function: write {name}(...)")
        if name not in NAMES:
            self._fail(node, _unknown(name, {**NAMES, **CONSTANTS, **FUNCTIONS}))
        self._asked.add(name)
        return lambda values: self._array(node, self._look_up(node, name, values))

    def _read_layer(self, node: ast.expr, name: str, layer: int) -> Answer:
        self._asked.add(name)

        def answer(values: Mapping[str, Any]) -> np.ndarray:
            layers = self._look_up(node, name, values)
            n_layers = len(layers)
            if not -n_layers <= layer < n_layers:
                there = f"are {n_layers} layers, 0 to {n_layers - 1}"
                self._fail(node, f"there {'is 1 layer, 0' if n_layers == 1 else there}")
            return self._array(node, layers[layer])

        return answer

    def _read_apply(self, node: ast.expr, function: Callable[..., Any], *parts: Answer) -> Answer:
        return lambda values: self._apply(node, function, *(part(values) for part in parts))

    def _read_chain(
        self, node: ast.Compare, functions: list[Callable[..., Any]], parts: list[Answer]
    ) -> Answer:
        for operand in (node.left, *node.comparators):
            if isinstance(operand, ast.Name) and operand.id == "nan":
                self._fail(operand, "nothing equals NaN, or is less or more: write isnan(...)")

        def answer(values: Mapping[str, Any]) -> Any:
            # One link after the other, so that no more than two parts are ever held.
            left, result = parts[0](values), np.True_
            for function, part in zip(functions, parts[1:], strict=True):
                right = part(values)
                link = self._apply(node, function, left, right)
                left, result = right, self._apply(node, np.logical_and, result, link)
            return result

        return answer

    def _check_call(self, node: ast.expr, function: ast.Name, n_arguments: int) -> str:
        name = function.id
        if name in NAMES:
            self._fail(function, f"a name, not a function: write {name} alone")
        if name not in FUNCTIONS:
            self._fail(function, _unknown(name, FUNCTIONS))
        wanted = FUNCTIONS[name].n_arguments
        if n_arguments != wanted:
            count = "1 argument" if wanted == 1 else f"{wanted} arguments"
            self._fail(node, f"{name} takes {count}, not {n_arguments}")
        return name

    def _look_up(self, node: ast.expr, name: str, values: Mapping[str, Any]) -> Any:
        if name not in values:
            self._fail(node, "not known at this step")
        try:
            return values[name]
        except TooLargeError as error:
            self._fail(node, str(error))

    def _array(self, node: ast.expr, value: Any) -> np.ndarray:
        array = self._apply(node, np.asarray, value)
        if array.dtype.kind not in "biuf":
            self._fail(node, f"no numbers here, but {array.dtype}")
        return array

    def _function(self, name: str) -> Callable[..., Any]:
        return FUNCTIONS[name].compute

    def _entry(self, index: Any, array: Any) -> Any:
        return np.asarray(array)[index]

    def _join(self, op: ast.boolop, truths: Iterator[Any]) -> Any:
        return all(truths) if isinstance(op, ast.And) else any(truths)

    def _truth(self, node: ast.expr, result: Any) -> Any:
        if np.size(result) != 1:
            advice = "write any(...) or all(...)"
            self._fail(node, f"of shape {np.shape(result)}, not a single truth value: {advice}")
        if np.asarray(result).dtype != np.bool_:
            self._fail(node, "a number, neither true nor false: compare it, as in loss > 2")
        return bool(np.asarray(result).item())

    def _apply(self, node: ast.expr, function: Callable[..., Any], *arguments: Any) -> Any:
        """Apply a function, if it makes nothing huge, and say where it is that it cannot be."""
        try:
            shapes = [np.shape(argument) for argument in arguments]
            _check_size(shapes)
            with np.errstate(all="ignore"):
                return function(*arguments)
        except IndexError:
            shape = f"the shape is {shapes[0]}, counted from 0"
            self._fail(node, f"out of range: {shape if shapes[0] else 'a single number'}")
        except (TypeError, ValueError) as error:
            self._fail(node, str(error))


def _check_size(shapes: list[tuple[int, ...]]) -> None:
    """Refuse what NumPy could not put together, or would have to make something huge for."""
    if len({*shapes} - {()}) < 2:
        return
    told = " and ".join(map(str, shapes))
    try:
        n_entries = math.prod(np.broadcast_shapes(*shapes))
    except ValueError:
        raise ValueError(f"the shapes {told} do not fit together") from None
    if n_entries > max(MAX_ENTRIES, MAX_GROWTH * max(map(math.prod, shapes))):
        raise ValueError(f"the shapes {told} would make {n_entries:,} entries, too many")


def _unknown(name: str, known: Mapping[str, Any]) -> str:
    """What to say of a name that does not exist."""
    lower = {other.lower(): other for other in known}
    near = get_close_matches(name.lower(), lower, n=1)
    meant = IN_TRACES.get(name) or (lower[near[0]] if near else None)
    advice = f"did you mean {meant}?" if meant else f"there are {', '.join(known)}"
    return f"unknown; {advice}"

"""The notebook's walk: a step of its network in its own names and orientation."""

from dataclasses import dataclass, fields
from os import PathLike

import numpy as np

from retrograd.rewind.trace import Trace
from retrograd.rewind.walk import remarks
from retrograd.rewind.walk.document import Document, Formula, Line, Section, shape_of
from retrograd.rewind.walk.regression import collapsed, written_out
from retrograd.rewind.walk.shown import Shown

NAMES = (
    "The names are the notebook's: W1 and W2 have a row for each unit that goes out, the bias in "
    "column 0, and so a 1 stands before the features and before the hidden units. In the "
    "engine's terms x is row 0 of input[0], z1 of z[0], d_hidden of delta[0] and error of "
    "delta[1]; W1 is b[0] and W[0].T side by side (see .trace)."
)
LEADING_ONE = (
    "The 1 in front is the bias' own input: W1[:, 0] * 1 is how the bias gets into W1 @ x. The "
    "engine keeps biases in a vector of their own; the sum is the same."
)
LINEAR = (
    "a1 = z1: this layer is linear, so it bends nothing, and the whole network is a logistic "
    "regression (below)."
)
ONE_AXIS = (
    "a1 has one axis, number 0. So np.insert(a1, 0, 1, axis=1) fails here; that is for a matrix "
    "with one row per example."
)
ERROR = (
    "Why no σ′ here: the log loss gives dLoss/dy_pred = (y_pred − y) / (y_pred (1 − y_pred)), "
    "the sigmoid gives dy_pred/dz2 = y_pred (1 − y_pred). Multiplied, the two cancel, and "
    "y_pred − y is left."
)
D_W2 = (
    "Entry by entry, error times what came in. dW2 has one axis and W2 two: in W2 −= lr * dW2 "
    "NumPy lines dW2 up with W2's only row. Entry 0 belongs to the bias, whose input is 1: "
    "there the gradient is the error itself."
)
D_HIDDEN = (
    "W2[:, 1:] leaves the bias out: no unit stands before it that an error could go back to. "
    "Here f′ would multiply, entry by entry; the layer is linear, so f′ = 1. W2[:, 1:].T * error "
    "is a column, ({h}, 1); flatten() makes it a vector, ({h},)."
)
D_W1 = (
    "An outer product: every delta times every input. d_hidden[:, None] puts an axis behind: "
    "({h},) becomes a column, ({h}, 1), as it was before flatten(). x[None, :] puts one in front: "
    "({n},) becomes a row, (1, {n}). A column @ a row is a matrix. Column 0 is d_hidden itself, "
    "since x[0] is 1."
)


@dataclass(frozen=True, eq=False, repr=False)
class SeedTrace(Shown):
    """A step of the notebook's network on one row, as the notebook would print it.

    h hidden units, d features; all numbers are those of ``trace``, turned to stand as they do in
    the notebook. ``print`` walks through them.

    Attributes
    ----------
    trace : Trace
        The same step as the engine has it.
    x : ndarray of shape (d + 1,)
        The row, with a 1 before it.
    y : float
        0 or 1.
    W1, W2 : ndarray of shape (h, d + 1), (1, h + 1)
        Weights before the step, biases in column 0.
    z1, a1 : ndarray of shape (h,)
    a1b : ndarray of shape (h + 1,)
        a1 with a 1 before it.
    z2, y_pred : ndarray of shape (1,)
    loss : float
    error : ndarray of shape (1,)
    dW2 : ndarray of shape (h + 1,)
    d_hidden : ndarray of shape (h,)
    dW1 : ndarray of shape (h, d + 1)
    lr : float
    W1_after, W2_after : ndarray of shape (h, d + 1), (1, h + 1)

    Examples
    --------
    >>> from retrograd.estimators.notebook import MLP
    >>> mlp = MLP(hidden_units=1, lr=0.5)
    >>> mlp.W1, mlp.W2 = np.array([[0.0, 1.0]]), np.array([[0.0, 2.0]])
    >>> step = mlp.trace([0.0], 1)
    >>> step
    <SeedTrace: 1 → 1 → 1, y_pred 0.5, y 1, loss 0.693147>
    >>> step.error, step.dW2, step.W2_after
    (array([-0.5]), array([-0.5, -0. ]), array([[0.25, 2.  ]]))
    """

    trace: Trace
    x: np.ndarray
    y: float
    W1: np.ndarray
    W2: np.ndarray
    z1: np.ndarray
    a1: np.ndarray
    a1b: np.ndarray
    z2: np.ndarray
    y_pred: np.ndarray
    loss: float
    error: np.ndarray
    dW2: np.ndarray
    d_hidden: np.ndarray
    dW1: np.ndarray
    lr: float
    W1_after: np.ndarray
    W2_after: np.ndarray

    @classmethod
    def of(cls, trace: Trace) -> "SeedTrace":
        """Turn a trace into the notebook's orientation.

        Raises
        ------
        ValueError
            If it is no step on one row of a network with one linear hidden layer and one logistic
            output.
        """
        network = trace.network
        seed = network.activations == ("identity",) and network.output == "logistic"
        if not seed or network.widths[-1] != 1 or trace.rows.size != 1:
            raise ValueError(
                "the notebook's walk is for one row and a network with one linear hidden layer "
                "and one logistic output"
            )
        hidden, output = trace.layers
        return cls(
            trace=trace,
            x=_with_one(np.asarray(hidden.input)[0]),
            y=float(trace.y[0, 0]),
            W1=_with_bias(hidden.W, hidden.b),
            W2=_with_bias(output.W, output.b),
            z1=hidden.z[0],
            a1=hidden.a[0],
            a1b=_with_one(hidden.a[0]),
            z2=output.z[0],
            y_pred=output.a[0],
            loss=trace.loss,
            error=output.delta[0],
            dW2=_with_bias(output.dW, output.db)[0],
            d_hidden=hidden.delta[0],
            dW1=_with_bias(hidden.dW, hidden.db),
            lr=trace.learning_rate,
            W1_after=_with_bias(hidden.W_after, hidden.b_after),
            W2_after=_with_bias(output.W_after, output.b_after),
        )

    def __repr__(self) -> str:
        widths = " → ".join(map(str, self.trace.network.widths))
        said = f"y_pred {self.y_pred[0]:.6g}, y {self.y:g}, loss {self.loss:.6g}"
        return f"<SeedTrace: {widths}, {said}>"

    def to_dict(self) -> dict:
        """Tell it as plain data, under the notebook's names; see ``walk.plain``."""
        from retrograd.rewind.walk.plain import plain

        names = [field.name for field in fields(self) if field.name != "trace"]
        return plain({name: getattr(self, name) for name in names})

    def to_notebook(self, path: str | PathLike) -> None:
        """Write the trace's notebook, in the engine's names; see ``walk.notebook``."""
        self.trace.to_notebook(path)

    def document(self) -> Document:
        """Tell it as a plain document, in the notebook's names."""
        return Document(
            f"The notebook's step: {' → '.join(map(str, self.trace.network.widths))}",
            (NAMES,),
            (
                self._given(),
                self._forward(),
                self._regression(),
                self._loss(),
                self._backward(),
                self._update(),
            ),
        )

    def _line(self, name: str, latex: str, code: str = "", code_latex: str = "", shapes: str = "",
              remark: str = "") -> Line:  # fmt: skip
        """Make the line of one attribute."""
        value = getattr(self, name)
        formula = Formula(code, code_latex) if code else None
        return Line(Formula(name, latex), formula, shapes or shape_of(value), value, remark)

    def _given(self) -> Section:
        lines = (
            self._line("x", "x", "np.insert(X[r], 0, 1)", r"(1, X_r)", remark=LEADING_ONE),
            self._line("y", "y"),
            self._line("W1", "W_1"),
            self._line("W2", "W_2"),
        )
        return Section("The row, and the weights", lines, key="place")

    def _forward(self) -> Section:
        h, n = self.W1.shape
        lines = (
            self._line("z1", "z_1", "W1 @ x", "W_1 x", f"({h}, {n}) @ ({n},) → ({h},)"),
            self._line("a1", "a_1", "z1", "z_1", remark=LINEAR),
            self._line("a1b", "a_1^b", "np.insert(a1, 0, 1)", "(1, a_1)", remark=ONE_AXIS),
            self._line("z2", "z_2", "W2 @ a1b", "W_2 a_1^b", f"(1, {h + 1}) @ ({h + 1},) → (1,)"),
            self._line("y_pred", r"\hat y", "sigmoid(z2)", r"\sigma(z_2)"),
        )
        return Section("Forward", lines, key="forward")

    def _regression(self) -> Section:
        hidden, output = self.trace.layers
        W, b = collapsed([hidden.W, output.W], [hidden.b, output.b])
        row = _with_bias(W, b)
        lines = (
            Line(
                Formula("W", "W"),
                Formula("W2[:, 1:] @ W1, and W2[0, 0] added to W[0, 0]", "W_2^{1:} W_1 + b_2 e_0"),
                str(row.shape),
                row,
            ),
            written_out(self.trace.network, W[:, 0], b[0], first=1),
        )
        why = (
            "W2[:, 1:] @ (W1 @ x) is (W2[:, 1:] @ W1) @ x: two linear layers are one. So the "
            "prediction is that of a logistic regression with these weights, and hidden units add "
            "nothing to what it can say until they bend (tanh, relu, …)."
        )
        return Section("What this network is: a logistic regression", lines, why, "regression")

    def _loss(self) -> Section:
        line = self._line(
            "loss",
            r"\mathrm{loss}",
            "−y log(y_pred) − (1 − y) log(1 − y_pred)",
            r"-y \log \hat y - (1 - y) \log (1 - \hat y)",
            remark=remarks.clipped(self.trace),
        )
        return Section("Loss", (line,), key="loss")

    def _backward(self) -> Section:
        h, n = self.W1.shape
        lines = (
            self._line("error", r"\mathrm{error}", "y_pred − y", r"\hat y - y", remark=ERROR),
            self._line(
                "dW2", r"\mathrm{d}W_2", "error * a1b", r"\mathrm{error} \cdot a_1^b",
                f"(1,) * ({h + 1},) → ({h + 1},)", D_W2,
            ),
            self._line(
                "d_hidden", r"d_{\mathrm{hidden}}", "(W2[:, 1:].T * error).flatten()",
                r"(W_2^{1:})^\top \cdot \mathrm{error}",
                f"({h}, 1) * (1,) → ({h}, 1) → ({h},)", D_HIDDEN.format(h=h),
            ),
            self._line(
                "dW1", r"\mathrm{d}W_1", "d_hidden[:, None] @ x[None, :]",
                r"d_{\mathrm{hidden}}\, x^\top",
                f"({h}, 1) @ (1, {n}) → ({h}, {n})", D_W1.format(h=h, n=n),
            ),
        )  # fmt: skip
        return Section("Backward", lines, key="backward")

    def _update(self) -> Section:
        h, n = self.W1.shape
        shape = f"({h}, {n})"
        lines = (
            self._line("lr", r"\eta", remark=remarks.DIRECTION),
            self._line(
                "W2_after", r"W_2^{\mathrm{after}}", "W2 − lr * dW2",
                r"W_2 - \eta\,\mathrm{d}W_2", f"(1, {h + 1}) − ({h + 1},) → (1, {h + 1})",
            ),
            self._line(
                "W1_after", r"W_1^{\mathrm{after}}", "W1 − lr * dW1",
                r"W_1 - \eta\,\mathrm{d}W_1", f"{shape} − {shape} → {shape}",
                "d_hidden was made from W2 as it was before the update; so dW1 comes first, "
                "then both updates.",
            ),
        )  # fmt: skip
        return Section("Update", lines, key="update")


def _with_one(vector: np.ndarray) -> np.ndarray:
    """Put a 1 before a vector."""
    return _fixed(np.insert(vector, 0, 1.0))


def _with_bias(W: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Turn weights of shape (I, O) to (O, I), and put the biases before them, as column 0."""
    return _fixed(np.column_stack([b, W.T]))


def _fixed(array: np.ndarray) -> np.ndarray:
    array.flags.writeable = False
    return array

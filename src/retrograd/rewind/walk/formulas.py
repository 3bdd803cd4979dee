r"""The formulas of a walk, as text and as LaTeX: what is written, never what is computed with.

A symbol is the name of a ``LayerTrace``'s attribute and the layer's number, ``W_after[0]``; the
same in LaTeX is :math:`W_{0}^{\mathrm{after}}`. In the tables Z and A stand for them.
"""

from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.rewind.walk.document import Formula

LETTERS = {
    "input": r"\mathrm{input}", "W": "W", "b": "b", "z": "z", "a": "a", "delta": r"\delta",
    "dW": r"\mathrm{d}W", "db": r"\mathrm{d}b",
}  # fmt: skip


def symbol(name: str, layer: int) -> Formula:
    r"""Write the symbol of a layer's numbers.

    Examples
    --------
    >>> symbol("delta", 1)
    Formula(text='delta[1]', latex='\\delta_{1}')
    >>> symbol("m_W_after", 0).latex
    'm_{W_{0}}^{\\mathrm{after}}'
    """
    text, latex, mark = f"{name}[{layer}]", name, ""
    for ending in ("after", "update", "decayed"):
        if latex.endswith(f"_{ending}"):
            latex, mark = latex.removesuffix(f"_{ending}"), rf"^{{\mathrm{{{ending}}}}}"
    if latex in LETTERS:
        return Formula(text, f"{LETTERS[latex]}_{{{layer}}}{mark}")
    slot, part = latex.split("_")
    letter = r"\mathrm{velocity}" if slot == "velocity" else slot
    return Formula(text, f"{letter}_{{{part}_{{{layer}}}}}{mark}")


SIGMA = r", \quad \sigma(t) = \frac{1}{1 + e^{-t}}"
PHI = r", \quad \Phi(t) = \frac{1 + \operatorname{erf}(t / \sqrt{2})}{2}"
# Activation: f(Z); f'(Z), with A = f(Z).
ACTIVATIONS: dict[str, tuple[Formula, Formula]] = {
    "identity": (Formula("Z", "Z"), Formula("1", "1")),
    "logistic": (
        Formula("1 / (1 + exp(−Z))", r"\frac{1}{1 + e^{-Z}}"),
        Formula("A * (1 − A)", r"A \odot (1 - A)"),
    ),
    "tanh": (Formula("tanh(Z)", r"\tanh(Z)"), Formula("1 − A²", "1 - A^2")),
    "relu": (
        Formula("max(0, Z)", r"\max(0, Z)"),
        Formula("1 where Z > 0, else 0", r"\mathbf{1}[Z > 0]"),
    ),
    "leaky_relu": (
        Formula("Z where Z > 0, else 0.01 Z", r"\max(0.01\,Z, Z)"),
        Formula(
            "1 where Z > 0, else 0.01", r"\mathbf{1}[Z > 0] + 0.01\,\mathbf{1}[Z \le 0]"
        ),
    ),
    "elu": (
        Formula(
            "Z where Z > 0, else exp(Z) − 1",
            r"\begin{cases} Z & Z > 0 \\ e^{Z} - 1 & Z \le 0 \end{cases}",
        ),
        Formula(
            "1 where Z > 0, else A + 1",
            r"\begin{cases} 1 & Z > 0 \\ A + 1 & Z \le 0 \end{cases}",
        ),
    ),
    "selu": (
        Formula(
            "λ Z where Z > 0, else λ α (exp(Z) − 1); λ = 1.0507, α = 1.6733",
            r"\lambda \begin{cases} Z & Z > 0 \\ \alpha (e^{Z} - 1) & Z \le 0 \end{cases}"
            r" \quad (\lambda = 1.0507,\ \alpha = 1.6733)",
        ),
        Formula(
            "λ where Z > 0, else A + λ α",
            r"\begin{cases} \lambda & Z > 0 \\ A + \lambda\alpha & Z \le 0 \end{cases}",
        ),
    ),
    "gelu": (
        Formula("Z * Φ(Z), Φ(t) = (1 + erf(t / √2)) / 2", r"Z \odot \Phi(Z)" + PHI),
        Formula(
            "Φ(Z) + Z * φ(Z), φ(t) = exp(−t²/2) / √(2π)",
            r"\Phi(Z) + Z \odot \varphi(Z), \quad \varphi(t) = \frac{e^{-t^2/2}}{\sqrt{2\pi}}",
        ),
    ),
    "silu": (
        Formula("Z * σ(Z), σ(t) = 1 / (1 + exp(−t))", r"Z \odot \sigma(Z)" + SIGMA),
        Formula("σ(Z) + A * (1 − σ(Z))", r"\sigma(Z) + A \odot (1 - \sigma(Z))"),
    ),
    "mish": (
        Formula("Z * tanh(log(1 + exp(Z)))", r"Z \odot \tanh(\log(1 + e^{Z}))"),
        Formula(
            "t + Z * (1 − t²) * σ(Z), t = tanh(log(1 + exp(Z))), σ(t) = 1 / (1 + exp(−t))",
            r"t + Z \odot (1 - t^2) \odot \sigma(Z), \quad t = \tanh(\log(1 + e^{Z}))" + SIGMA,
        ),
    ),
    "softplus": (
        Formula("log(1 + exp(Z))", r"\log(1 + e^{Z})"),
        Formula("1 − exp(−A)", "1 - e^{-A}"),
    ),
    "softmax": (
        Formula("exp(Z) / sum of the row's exp(Z)", r"\frac{e^{Z}}{\sum_o e^{{Z}_o}}"),
        Formula("", ""),
    ),
    "exp": (Formula("exp(Z)", r"e^{Z}"), Formula("", "")),
}  # fmt: skip


def activation(name: str, layer: int) -> Formula:
    """Write a = f(z) of a layer.

    Examples
    --------
    >>> activation("relu", 0).text
    'max(0, z[0])'
    """
    return _of_layer(ACTIVATIONS[name][0], layer)


def slope(name: str, layer: int) -> Formula:
    """Write f'(z) of a hidden layer.

    Examples
    --------
    >>> slope("tanh", 0).text
    '1 − a[0]²'
    """
    return _of_layer(ACTIVATIONS[name][1], layer)


def _of_layer(formula: Formula, layer: int) -> Formula:
    z, a = symbol("z", layer), symbol("a", layer)
    return Formula(
        formula.text.replace("Z", z.text).replace("A", a.text),
        formula.latex.replace("Z", z.latex).replace("A", a.latex),
    )


def loss_of_row(network: Network) -> Formula:
    """Write the loss of one row, as training reports it.

    Examples
    --------
    >>> loss_of_row(Network((2, 1), (), "identity", "squared_error")).text
    '½ (y_pred − y)²'
    """
    n_out, parameter = network.widths[-1], f"{network.loss_parameter:.15g}"
    p, y = r"\hat y", "y"
    if network.output == "softmax":
        return Formula("−log(y_pred of the row's class)", r"-\log \hat y_{\mathrm{class}}")
    text, latex = {
        "log_loss": (
            "−y log(y_pred) − (1 − y) log(1 − y_pred)",
            rf"-{y} \log {p} - (1 - {y}) \log (1 - {p})",
        ),
        "squared_error": ("½ (y_pred − y)²", rf"\tfrac12 ({p} - {y})^2"),
        "absolute_error": ("|y_pred − y|", rf"|{p} - {y}|"),
        "huber": (
            f"½ r² where |r| ≤ {parameter}, else {parameter} (|r| − {parameter}/2); r = y_pred − y",
            rf"\begin{{cases}} \tfrac12 r^2 & |r| \le {parameter} \\ {parameter}\,(|r| - "
            rf"{parameter}/2) & \text{{else}} \end{{cases}} \quad (r = {p} - {y})",
        ),
        "quantile": (
            f"max({parameter} (y − y_pred), ({parameter} − 1) (y − y_pred))",
            rf"\max({parameter}\,({y} - {p}), ({parameter} - 1)({y} - {p}))",
        ),
        "poisson": (
            "y log(y / y_pred) − y + y_pred",
            rf"{y} \log \frac{{{y}}}{{{p}}} - {y} + {p}",
        ),
    }[network.loss]
    if n_out == 1:
        return Formula(text, latex)
    if network.loss in ("log_loss", "poisson"):
        return Formula(f"sum over the row's outputs of {text}", rf"\sum_o \left({latex}\right)")
    mean = rf"\frac{{1}}{{{n_out}}} \sum_o \left({latex}\right)"
    return Formula(f"mean over the row's outputs of {text}", mean)


def output_delta(network: Network, weighted: bool) -> Formula:
    """Write dLoss/dz of the output.

    Examples
    --------
    >>> output_delta(Network((2, 3), (), "softmax", "log_loss"), True).text
    'sample_weight[:, None] * (y_pred − y_onehot)'
    """
    parameter = f"{network.loss_parameter:.15g}"
    y_text = "y_onehot" if network.output == "softmax" else "y"
    y_latex = r"y_{\mathrm{onehot}}" if network.output == "softmax" else "y"
    text, latex = f"y_pred − {y_text}", rf"\hat y - {y_latex}"
    if network.loss == "absolute_error":
        text, latex = f"sign({text})", rf"\operatorname{{sign}}({latex})"
    elif network.loss == "huber":
        text = f"clip({text}, −{parameter}, {parameter})"
        latex = rf"\min(\max({latex}, -{parameter}), {parameter})"
    elif network.loss == "quantile":
        rest = f"{1.0 - network.loss_parameter:.15g}"
        text = f"{rest} where y_pred > y, −{parameter} where y_pred < y, else 0"
        latex = rf"{rest}\,\mathbf{{1}}[\hat y > y] - {parameter}\,\mathbf{{1}}[\hat y < y]"
    if not weighted:
        return Formula(text, latex)
    return Formula(f"sample_weight[:, None] * ({text})", rf"w \odot \left({latex}\right)")


class OptimizerFormulas:
    """What an optimizer makes of a gradient, with its own hyperparameters written in.

    Parameters
    ----------
    optimizer : Optimizer

    Attributes
    ----------
    slots : tuple of str
        Names of what it remembers of every parameter, in the order of the trace's slots.
    rate : str
        The rate that multiplies: Adam's is corrected.

    Examples
    --------
    >>> formulas = OptimizerFormulas(Optimizer("adam"))
    >>> formulas.slots, formulas.update("W", 0).text
    (('m', 'v'), '−learning_rate * correction * m_W_after[0] / (√v_W_after[0] + 1e-08)')
    >>> formulas.slot_after("m", "W", 0).text
    '0.9 m_W[0] + (1 − 0.9) dW[0]'
    """

    def __init__(self, optimizer: Optimizer) -> None:
        self.optimizer = optimizer
        self.slots = optimizer.slot_names
        self.rate = "learning_rate"
        if optimizer.solver in ("adam", "adamw"):
            self.rate = "learning_rate * correction"

    def slot_after(self, slot: str, part: str, layer: int) -> Formula:
        """Write a slot's new value; part is 'W' or 'b'."""
        g, old = symbol(f"d{part}", layer), symbol(f"{slot}_{part}", layer)
        if slot == "velocity":
            mu = f"{self.optimizer.momentum:.15g}"
            return Formula(
                f"{mu} {old.text} − learning_rate * {g.text}",
                rf"{mu}\,{old.latex} - \eta\,{g.latex}",
            )
        beta = f"{self.optimizer.beta_1 if slot == 'm' else self.optimizer.beta_2:.15g}"
        square = ("²", "^2") if slot == "v" else ("", "")
        g_latex = rf"({g.latex})^2" if slot == "v" else g.latex
        return Formula(
            f"{beta} {old.text} + (1 − {beta}) {g.text}{square[0]}",
            rf"{beta}\,{old.latex} + (1 - {beta})\,{g_latex}",
        )

    def update(self, part: str, layer: int) -> Formula:
        """Write what is added to the parameters."""
        optimizer, g = self.optimizer, symbol(f"d{part}", layer)
        if optimizer.solver == "sgd":
            step = Formula(f"−learning_rate * {g.text}", rf"-\eta\,{g.latex}")
            if not self.slots:
                return step
            new, mu = symbol(f"velocity_{part}_after", layer), f"{optimizer.momentum:.15g}"
            if not optimizer.nesterov:
                return new
            return Formula(
                f"{mu} {new.text} − learning_rate * {g.text}",
                rf"{mu}\,{new.latex} - \eta\,{g.latex}",
            )
        v, epsilon = symbol(f"v_{part}_after", layer), f"{optimizer.epsilon:.15g}"
        top = g if optimizer.solver == "rmsprop" else symbol(f"m_{part}_after", layer)
        eta = r"\eta" if optimizer.solver == "rmsprop" else r"\eta\,c"
        return Formula(
            f"−{self.rate} * {top.text} / (√{v.text} + {epsilon})",
            rf"-{eta}\,\frac{{{top.latex}}}{{\sqrt{{{v.latex}}} + {epsilon}}}",
        )

"""Optimizers: what they are set to, and the learning rate of every step.

What they do to the parameters is written in ``kernels/update``; their memory is in the training's
``State``.
"""

from dataclasses import dataclass

import numpy as np

from retrograd.engine.kernels.data import ADAM, ADAMW, RMSPROP, SGD, Settings
from retrograd.maths.schedules import ADAPTIVE_CUT, ADAPTIVE_FLOOR, BY_STEP, SCHEDULES, invscaling

# Solver: its code in the kernels, and what it remembers of each parameter, by the names that the
# literature has for it.
SOLVERS: dict[str, tuple[int, tuple[str, ...]]] = {
    "sgd": (SGD, ("velocity",)),
    "adam": (ADAM, ("m", "v")),
    "adamw": (ADAMW, ("m", "v")),
    "rmsprop": (RMSPROP, ("v",)),
}


@dataclass(frozen=True)
class Optimizer:
    r"""A stochastic optimizer's hyperparameters, under scikit-learn's names.

    Parameters
    ----------
    solver : {'sgd', 'adam', 'adamw', 'rmsprop'}
        ``kernels/update`` has their formulas.
    learning_rate_init : float
        The rate that the schedule starts from (``one_cycle``: its peak).
    schedule : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}
        See ``maths.schedules``.
    power_t : float
        The power of ``invscaling``.
    momentum, nesterov : float, bool
        For sgd.
    beta_1, beta_2, epsilon : float
        For adam and adamw; rmsprop reads the latter two.
    alpha : float
        Strength of the L2 penalty; for adamw, which has none, the decoupled weight decay.

    Raises
    ------
    ValueError
        If the solver or the schedule is unknown.

    Examples
    --------
    >>> Optimizer("sgd", learning_rate_init=0.1).slot_names
    ('velocity',)
    """

    solver: str
    learning_rate_init: float = 0.001
    schedule: str = "constant"
    power_t: float = 0.5
    momentum: float = 0.9
    nesterov: bool = True
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    alpha: float = 0.0

    def __post_init__(self) -> None:
        if self.solver not in SOLVERS:
            raise ValueError(
                f"unknown solver {self.solver!r}; known are {', '.join(map(repr, SOLVERS))}"
            )
        if self.schedule not in SCHEDULES:
            known = ", ".join(map(repr, SCHEDULES))
            raise ValueError(f"unknown learning rate schedule {self.schedule!r}; known are {known}")

    @property
    def slot_names(self) -> tuple[str, ...]:
        """Names of the numbers that are remembered of each parameter."""
        if self.solver == "sgd" and self.momentum == 0.0:
            return ()
        return SOLVERS[self.solver][1]

    @property
    def n_slots(self) -> int:
        """Numbers remembered of each parameter: 0, 1 or 2."""
        return len(self.slot_names)

    def settings(self) -> Settings:
        """Describe the optimizer to the kernels."""
        decoupled = self.solver == "adamw"
        return Settings(
            solver=SOLVERS[self.solver][0],
            alpha=0.0 if decoupled else float(self.alpha),
            weight_decay=float(self.alpha) if decoupled else 0.0,
            momentum=float(self.momentum),
            nesterov=bool(self.nesterov),
            beta_1=float(self.beta_1),
            beta_2=float(self.beta_2),
            epsilon=float(self.epsilon),
        )

    def learning_rates(self, rate: float, step: int, n_steps: int, total_steps: int) -> np.ndarray:
        """Learning rates of n_steps steps from ``step`` on, out of ``total_steps`` planned.

        ``rate`` is the epoch's rate, as kept in the training's state; a schedule by step goes
        from ``learning_rate_init`` instead, and stays at its end beyond the planned steps.
        """
        if self.schedule not in BY_STEP:
            return np.full(n_steps, rate)
        progress = (np.arange(step, step + n_steps) + 0.5) / total_steps
        last = 1.0 - 0.5 / total_steps
        return self.learning_rate_init * BY_STEP[self.schedule](np.minimum(progress, last))

    def corrections(self, step: int, n_steps: int) -> np.ndarray:
        r"""Adam's cure for averages that start at 0, for n_steps steps from ``step`` on.

        :math:`\sqrt{1 - \beta_2^t} / (1 - \beta_1^t)`, t counting the updates from 1; 1 for solvers
        that have no such bias. Steps count from where the averages were 0.
        """
        if self.solver not in ("adam", "adamw"):
            return np.ones(n_steps)
        t = np.arange(step + 1, step + n_steps + 1, dtype=np.float64)
        return np.sqrt(1.0 - self.beta_2**t) / (1.0 - self.beta_1**t)

    def rate_after_epoch(self, rate: float, samples_seen: int) -> float:
        """Rate for the next epoch, after ``samples_seen`` samples in all."""
        if self.schedule == "invscaling":
            return self.learning_rate_init * invscaling(samples_seen, self.power_t)
        return rate

    def rate_after_stall(self, rate: float) -> float | None:
        """Lower rate to go on with when the training stalls; None to stop."""
        if self.schedule != "adaptive" or rate <= ADAPTIVE_FLOOR:
            return None
        return rate / ADAPTIVE_CUT

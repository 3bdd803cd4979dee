"""Numbers too small to be normal are 0 in training: processors are slow at them."""

import warnings

import numpy as np
import pytest

from problems import OPTIMIZERS
from retrograd import MLPClassifier
from retrograd.engine.batches import make_data
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.jit import COMPILED
from retrograd.engine.kernels import one_example
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State, Trainer
from retrograd.rewind.trace import trace_step

pytestmark = pytest.mark.skipif(not COMPILED, reason="interpreted kernels are NumPy's arithmetic")

NETWORK = Network((2, 3, 1), ("relu",), "logistic", "log_loss")


def subnormals(*arrays: np.ndarray) -> int:
    """How many numbers are too small to be normal, and not 0."""
    tiny = np.finfo(arrays[0].dtype).tiny
    return sum(int(np.sum((a != 0.0) & (np.abs(a) < tiny))) for a in arrays)


def fading(optimizer: Optimizer, dtype: type, times: float) -> tuple[Trainer, State]:
    """A trainer whose hidden units are dead, and whose numbers are ``times`` the smallest."""
    small = dtype(times) * np.finfo(dtype).tiny
    theta = np.full(NETWORK.n_parameters, -small, dtype)
    state = State.start(theta, optimizer)
    state.slots[:] = small
    data = make_data(NETWORK, np.ones((2, 2), dtype), np.array([0.0, 1.0]))
    return Trainer(NETWORK, optimizer, data, 2, state), state


@pytest.mark.parametrize("times", [0.5, 1.0, 1.04])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_what_fades_becomes_zero(name: str, dtype: type, times: float) -> None:
    """Parameters, the optimizer's memory, gradients and units; a trace leads to the same."""
    trainer, state = fading(OPTIMIZERS[name], dtype, times)
    before, rows = state.copy(), np.arange(2)
    losses = trainer.run(rows, np.array([0, 2]), np.array([0.5]))
    work = trainer.work
    assert np.isfinite(losses).all()
    assert subnormals(state.theta, state.slots, work.gradient, work.a, work.delta) == 0
    trace = trace_step(NETWORK, OPTIMIZERS[name], trainer.data, before, rows, 0.5)
    assert np.array_equal(trace.decayed + trace.update, state.theta)
    assert np.array_equal(trace.slots_after, state.slots)


def test_traces_of_steps_that_move_nothing_or_too_much() -> None:
    """A parameter that stays has the update 0, not -0; one that overflows is told of in silence."""
    trainer, state = fading(Optimizer("sgd", momentum=0.0), np.float64, 1.0)
    state.theta[:] = 0.0
    rows = np.arange(2)
    trace = trace_step(NETWORK, trainer.optimizer, trainer.data, state, rows, 0.5)
    assert trace.update.tobytes() == np.zeros(NETWORK.n_parameters).tobytes()
    state.theta[:] = 1e308
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        trace = trace_step(NETWORK, trainer.optimizer, trainer.data, state, rows, 1e308)
    assert trace.trouble is not None


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_the_notebooks_loop_too(dtype: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The short loop for one example at a time has the same bits as the ordinary one."""
    ends = []
    for up_to in (one_example.UP_TO, 0):
        monkeypatch.setattr(one_example, "UP_TO", up_to)
        trainer, state = fading(Optimizer("sgd", momentum=0.0), dtype, 1.0)
        state.theta[:] *= np.linspace(0.1, 3.0, state.theta.size, dtype=dtype)
        trainer.batch_size = 1
        assert trainer._is_notebooks(np.arange(3)) == (up_to > 0)
        trainer.run(np.arange(2), np.arange(3), np.full(2, 0.5))
        ends.append(state.theta)
    assert subnormals(*ends) == 0
    assert ends[0].tobytes() == ends[1].tobytes()


def test_the_processor_is_left_as_it_was() -> None:
    """By the short loop and the ordinary one, by steps that go well and one that does not."""
    small = np.full(3, 1e-300)
    expected = np.full(3, 1e-310)
    for optimizer in (Optimizer("sgd", momentum=0.0), OPTIMIZERS["adam"]):
        trainer, state = fading(optimizer, np.float64, 1.0)
        trainer.run(np.arange(2), np.array([0, 2]), np.array([0.5]))
        assert np.array_equal(small * 1e-10, expected)
        state.theta[:] = np.nan
        with pytest.raises(DivergenceError):
            trainer.run(np.arange(2), np.array([0, 2]), np.array([0.5]))
        assert np.array_equal(small * 1e-10, expected)


def test_a_feature_that_is_always_zero() -> None:
    """Of a fit: its weights and their moments, which only the penalty moves, fade for ever."""
    X, y = np.random.default_rng(0).random((40, 3)), np.arange(40) % 2
    X[:, 1] = 0.0
    model = MLPClassifier((8,), max_iter=20_000, tol=0.0, n_iter_no_change=20_000, random_state=0)
    with pytest.warns(Warning, match="Maximum iterations"):
        model.fit(X, y)
    assert np.abs(model.coefs_[0][1]).max() < 1e-290, "they have not faded"
    assert subnormals(*model.coefs_, *model.intercepts_, model._state.slots) == 0

"""One compiled signature per dtype serves every architecture, dense and sparse."""

import gc
from collections import Counter
from contextlib import suppress
from weakref import ref

import numpy as np
import pytest

from problems import OPTIMIZERS, PAIRS, make_problem, plan, train_engine
from retrograd.engine import jit
from retrograd.engine.jit import collector_paused
from retrograd.engine.kernels import forward, steps
from retrograd.engine.objective import Objective
from retrograd.engine.prediction import predict
from retrograd.maths.activations import ACTIVATIONS

pytestmark = pytest.mark.compiled


def use_everything(dtype: type) -> None:
    """Train, differentiate and predict with many architectures, both storages, all optimizers."""
    optimizers = list(OPTIMIZERS.values())
    for i, activation in enumerate(ACTIVATIONS):
        widths = (3, *([2 + i] * (i % 4)), 2)
        problem = make_problem(widths, activation, PAIRS[i % len(PAIRS)], 5)
        rows, bounds = plan(5, 2, 1)
        for storage in ("dense", "csr"):
            optimizer = optimizers[i % len(optimizers)]
            train_engine(problem, optimizer, rows, bounds, np.full(3, 0.01), storage, dtype)
            problem.weight = np.empty(0)
            data = problem.data(storage, dtype)
            Objective(problem.network, 0.1, data)(problem.theta)
            predict(problem.network, problem.theta.astype(dtype), data, 5)


@pytest.mark.parametrize("kernel", [steps.train, forward.predict])
def test_one_signature_per_dtype(kernel: object) -> None:
    """Counted by the dtype of theta, over all that this process has done so far."""
    use_everything(np.float64)
    use_everything(np.float32)
    counts = Counter(
        next(kind.dtype for kind in signature if hasattr(kind, "dtype"))
        for signature in kernel.signatures
    )
    assert set(map(str, counts)) == {"float64", "float32"}
    assert set(counts.values()) == {1}, kernel.signatures


@pytest.mark.parametrize("enabled", [True, False])
def test_the_collector_is_left_as_it_was(enabled: bool) -> None:
    """It rests while the compiler is at work, also if that fails, and never longer."""
    before = gc.isenabled()
    try:
        (gc.enable if enabled else gc.disable)()
        with suppress(MemoryError), collector_paused():
            during = gc.isenabled()
            raise MemoryError
        assert not during
        assert gc.isenabled() == enabled
    finally:
        (gc.enable if before else gc.disable)()


def test_what_is_made_meanwhile_is_found_later() -> None:
    """Nothing of it is looked at at once, none is kept for good, and what is frozen stays so."""
    with collector_paused():
        loop = Loop()
        loop.itself, here = loop, ref(loop)
        del loop
    gc.collect(0)
    assert here() is not None
    gc.collect()
    assert here() is None
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with collector_paused():
            pass
        assert 0 < gc.get_freeze_count() <= frozen
    finally:
        gc.unfreeze()


class Loop:
    """What only the collector finds."""


def test_threads_that_wait_for_the_same_kernels_say_so_once(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The first says it, of each dtype; and who shows it hears when it begins and when it ends."""
    told: list[bool] = []
    monkeypatch.setattr(jit, "on_compiling", [lambda: told.append(jit.is_compiling())])
    double = np.dtype(np.float64)
    # As three threads would, the second and the third while the first compiles.
    with jit._said("train", double), jit._said("train", double), jit._said("train", double):
        assert told == [True]
    assert told == [True, False]
    with jit._said("train", double), jit._said("train", np.dtype(np.float32)):
        assert told == [True, False, True, True]
    assert not jit.is_compiling()
    lines = capsys.readouterr().err.splitlines()
    assert ["float64" in line for line in lines] == [True, True, False]

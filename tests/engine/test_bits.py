"""Same seed, same bits: whatever the threads, the way a plan is cut, or an interruption."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from bits import fingerprint
from problems import OPTIMIZERS, PAIRS, Problem, make_problem, plan, train_engine
from retrograd.engine import trainer as trainer_module
from retrograd.engine.course import Course, Shuffled
from retrograd.engine.divergence import DivergenceError
from retrograd.engine.kernels.data import History
from retrograd.engine.objective import Objective
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.prediction import predict
from retrograd.engine.threads import n_workers_for
from retrograd.engine.trainer import State, Trainer
from retrograd.maths.activations import ACTIVATIONS

SOFTMAX = ("log_loss", "softmax")


def wide_problem() -> tuple[Problem, int]:
    """Make a net whose batches of 520 rows are long enough to be shared by all threads."""
    problem = make_problem((30, 100, 50, 5), "tanh", SOFTMAX, n_rows=1100)
    return problem, 520


def blas_threads() -> set[int]:
    """Threads that the BLAS libraries of this process are set to."""
    return {info["num_threads"] for info in threadpool_info() if info["user_api"] == "blas"}


@pytest.mark.compiled
@pytest.mark.parametrize("n_threads", [2, 3, 8])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_do_not_change_training(storage: str, dtype: type, n_threads: int) -> None:
    """Parameters, optimizer memory and losses are byte for byte those of one thread."""
    problem, batch_size = wide_problem()
    optimizer = OPTIMIZERS["adam"]
    rows, bounds = plan(1100, batch_size, 3)
    results = []
    for limit in (1, n_threads):
        with threadpool_limits(limits=limit, user_api="blas"):
            used = n_workers_for(3 * batch_size * problem.network.n_parameters, bounds.size - 1)
            assert used == limit, "the test must really use that many threads"
            result = train_engine(
                problem, optimizer, rows, bounds, np.full(9, 0.01), storage, dtype
            )
            assert blas_threads() == {limit}, "the limit found is the limit left"
        results.append(fingerprint(result.theta, result.slots, result.losses))
    assert results[0] == results[1]


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_threads_do_not_change_gradient_and_prediction(dtype: type) -> None:
    """The same for what L-BFGS asks for, and for predictions."""
    problem, _ = wide_problem()
    data, theta = problem.data("dense", dtype), problem.theta.astype(dtype)
    results = []
    for limit in (1, 2, 8):
        with threadpool_limits(limits=limit, user_api="blas"):
            loss, gradient = Objective(problem.network, 0.1, data)(theta)
            outputs = predict(problem.network, theta, data, 1100)
        results.append((fingerprint(np.array(loss), gradient), fingerprint(outputs)))
    assert results[1] == results[0]
    assert results[2] == results[0]


@pytest.mark.compiled
def test_two_trainings_side_by_side() -> None:
    """A training beside another one in a second thread gives what it gives alone."""
    problem, batch_size = wide_problem()
    rows, bounds = plan(1100, batch_size, 4)
    results: dict[int, str] = {}

    def work(key: int) -> None:
        result = train_engine(problem, OPTIMIZERS["adam"], rows, bounds, np.full(12, 0.01))
        results[key] = fingerprint(result.theta, result.losses)

    with threadpool_limits(limits=2, user_api="blas"):
        work(0)
        threads = [threading.Thread(target=work, args=(key,)) for key in (1, 2, 3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert blas_threads() == {2}, "the last one out restores the limit"
    assert len(results) == 4
    assert len(set(results.values())) == 1


def start(problem: Problem, optimizer_name: str, batch_size: int) -> Trainer:
    """Trainer before its first step."""
    optimizer = OPTIMIZERS[optimizer_name]
    state = State.start(problem.theta.copy(), optimizer)
    return Trainer(problem.network, optimizer, problem.data("dense"), batch_size, state)


def bits(trainer: Trainer, losses: np.ndarray) -> tuple:
    """All that a continuation depends on, and the losses."""
    state = trainer.state
    digest = fingerprint(state.theta, state.slots, losses)
    return digest, state.step, state.epoch, state.samples_seen, state.learning_rate


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("pieces", [[6], [1] * 6, [2, 1, 3]])
def test_a_plan_in_pieces(optimizer: str, pieces: list[int]) -> None:
    """Coming back to Python between steps changes nothing."""
    problem = make_problem((4, 5, 3), "gelu", SOFTMAX, 8)
    rows, bounds = plan(8, 3, 2)
    rates = 0.01 * 0.9 ** np.arange(6)
    whole = start(problem, optimizer, 3)
    expected = bits(whole, whole.run(rows, bounds, rates))
    parts, losses, done = start(problem, optimizer, 3), [], 0
    for n_steps in pieces:
        stop = done + n_steps
        losses.append(parts.run(rows, bounds[done : stop + 1], rates[done:stop]))
        done = stop
    assert bits(parts, np.concatenate(losses)) == expected


def test_the_loops_own_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """The trainer returns to Python now and then of itself, for Ctrl-C; that changes nothing.

    Nor does it change what is written down of every step.
    """
    problem = make_problem((4, 5, 3), "gelu", SOFTMAX, 8)
    rows, bounds = plan(8, 3, 2)
    results = []
    for call_work in (trainer_module.CALL_WORK, 1):
        monkeypatch.setattr(trainer_module, "CALL_WORK", call_work)
        trainer = start(problem, "adam", 3)
        history = History.of(6, problem.theta, thetas=True, gradients=True)
        losses = trainer.run(rows, bounds, np.full(6, 0.01), history)
        results.append((bits(trainer, losses), fingerprint(*history)))
        assert np.array_equal(history.thetas[0], problem.theta)
        assert np.array_equal(history.gradients[-1], trainer.work.gradient)
    assert results[0] == results[1]


@pytest.mark.parametrize("panel_rows", [1, 3, 4, 9, 10])
def test_a_batch_in_panels(panel_rows: int) -> None:
    """Also where they do not divide it: the same numbers, but for the order of the sums."""
    problem, optimizer = make_problem((3, 4, 2), "tanh", SOFTMAX, 10), OPTIMIZERS["adam"]
    rows, bounds = plan(10, 10, 3)
    whole = train_engine(problem, optimizer, rows, bounds, np.full(3, 0.01))
    state = State.start(problem.theta, optimizer)
    trainer = Trainer(
        problem.network, optimizer, problem.data("dense"), 10, state, panel_rows=panel_rows
    )
    losses = trainer.run(rows, bounds, np.full(3, 0.01))
    np.testing.assert_allclose(losses, whole.losses, rtol=1e-12)
    np.testing.assert_allclose(state.theta, whole.theta, rtol=1e-9)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_example_a_step(activation: str, pair: tuple[str, str], dtype: type) -> None:
    """The notebook's rule gives the same bits whether or not the trainer could do larger batches.

    Nor does it matter whether weights of 1 are given: the engine has a shorter way for that case.
    """
    problem = make_problem((3, 4, 2), activation, pair, 6)
    problem.weight[:] = 1.0
    optimizer = Optimizer("sgd", momentum=0.0)
    weighted = problem.data("dense", dtype)
    plain = weighted._replace(sample_weight=np.empty(0, dtype))
    plain.sample_weight.flags.writeable = False
    rows, results = np.random.default_rng(0).integers(0, 6, 6), []
    for data, batch_size in ((plain, 1), (plain, 3), (weighted, 1)):
        state = State.start(problem.theta.astype(dtype), optimizer)
        trainer = Trainer(problem.network, optimizer, data, batch_size, state)
        losses = trainer.run(rows, np.arange(7), np.full(6, 0.05))
        n_units = problem.network.n_units
        seen = [buffer[:n_units] for buffer in (trainer.work.z, trainer.work.a)]
        # Of the last row, so that a trace of this step shows the same numbers either way.
        seen += [trainer.work.delta[:n_units], trainer.work.gradient]
        results.append((bits(trainer, losses), fingerprint(*seen)))
    assert results[1] == results[0]
    assert results[2] == results[0]


@pytest.mark.parametrize(
    "bounds", [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 2, 3, 4, 5]], ids=["", "one empty"]
)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize(
    "optimizer",
    [*OPTIMIZERS.values(), Optimizer("sgd", momentum=0.0), Optimizer("sgd")],
    ids=[*OPTIMIZERS, "plain", "plain with Nesterov"],
)
def test_one_example_a_step_otherwise(
    optimizer: Optimizer, storage: str, weighted: bool, bounds: list[int]
) -> None:
    """Penalty, momentum, weights, sparse rows, a step without a row: not in the shorter way."""
    problem, results = make_problem((3, 4, 2), "tanh", ("squared_error", "identity"), 6), []
    data = problem.data(storage)
    if not weighted:
        data = data._replace(sample_weight=np.empty(0))
        data.sample_weight.flags.writeable = False
    for batch_size in (1, 3):
        state = State.start(problem.theta, optimizer)
        trainer = Trainer(problem.network, optimizer, data, batch_size, state)
        losses = trainer.run(np.arange(6), np.array(bounds), np.full(6, 0.05))
        results.append(bits(trainer, losses))
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "widths", [(9, 8, 2), (20, 20, 1), (3, 80, 1), (2, 30, 8), (70, 1, 1)], ids=str
)
def test_one_example_a_step_in_tiles(widths: tuple[int, ...], dtype: type) -> None:
    """Where the weights are enough for a product in tiles, the shorter way rounds as it does."""
    problem = make_problem(widths, "relu", ("squared_error", "identity"), 6)
    data = problem.data("dense", dtype)._replace(sample_weight=np.empty(0, dtype))
    data.sample_weight.flags.writeable = False
    optimizer, results = Optimizer("sgd", momentum=0.0), []
    for batch_size in (1, 3):
        state = State.start(problem.theta.astype(dtype), optimizer)
        trainer = Trainer(problem.network, optimizer, data, batch_size, state)
        losses = trainer.run(np.arange(6), np.arange(7), np.full(6, 0.05))
        results.append((bits(trainer, losses), fingerprint(trainer.work.gradient)))
    assert results[0] == results[1]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(("rate", "size"), [(0.05, 1.0), (1e300, 1.0), (0.05, 0.6)])
def test_the_seeds_own_loop(rate: float, size: float, dtype: type) -> None:
    """The notebook's network has a loop of its own: the same bits, and the same end if it diverges.

    A trainer that could do larger batches takes the ordinary way. Where the first unit's parameters
    are of size 0.6, in powers of the largest number, z2 overflows, but nothing else does.
    """
    problem = make_problem((2, 2, 1), "identity", ("log_loss", "logistic"), 20)
    if size < 1.0:
        problem.theta[[0, 2, 4, 6]] *= float(np.finfo(dtype).max) ** size
    optimizer = Optimizer("sgd", momentum=0.0)
    data = problem.data("dense", dtype)._replace(sample_weight=np.empty(0, dtype))
    data.sample_weight.flags.writeable = False
    rates = np.where(np.arange(40) == 17, min(rate, float(np.finfo(dtype).max) / 8), 0.05)
    rows, results = np.tile(np.random.default_rng(0).integers(0, 20, 20), 2), []
    for batch_size in (1, 3):
        state = State.start(problem.theta.astype(dtype), optimizer)
        trainer = Trainer(problem.network, optimizer, data, batch_size, state)
        losses, end = np.empty(0), "the plan's end"
        with np.errstate(all="ignore"):
            try:
                losses = trainer.run(rows, np.arange(41), rates)
            except DivergenceError as error:
                end = str(error)
        work = trainer.work
        seen = (work.z[:3], work.a[:3], work.delta[:3], work.gradient)
        results.append((end, bits(trainer, losses), fingerprint(*seen)))
    assert results[0] == results[1]
    assert ("first seen at step" in results[0][0]) == (rate > 1.0 or size < 1.0)


def epochs(trainer: Trainer, n: int, total: int = 6) -> list[float]:
    """Train for n epochs on from where the trainer is."""
    order = Shuffled(trainer.data.y.shape[0], 5, True)
    state = trainer.state
    course = Course(
        trainer.optimizer, order, trainer.batch_size, total, state.step, state.epoch,
        schedule_start=state.schedule_start,
    )  # fmt: skip
    return [trainer.epoch(course) for _ in range(n)]


@pytest.mark.parametrize("schedule", ["constant", "invscaling", "cosine", "one_cycle"])
@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_copy_and_continue(solver: str, schedule: str) -> None:
    """A copied state goes on as the uninterrupted training does, and owns its arrays."""
    problem = make_problem((4, 5, 3), "mish", SOFTMAX, 8)
    optimizer = Optimizer(solver, 0.02, schedule=schedule, alpha=0.1)
    data = problem.data("dense")

    def trainer_from(state: State) -> Trainer:
        return Trainer(problem.network, optimizer, data, 3, state)

    whole = trainer_from(State.start(problem.theta.copy(), optimizer))
    losses = epochs(whole, 2)
    kept = whole.state.copy()
    losses += epochs(whole, 4)
    resumed = trainer_from(kept.copy())
    assert epochs(resumed, 4) == losses[2:]
    assert bits(resumed, np.array(losses)) == bits(whole, np.array(losses))
    assert kept.epoch == 2, "the copy was not moved by either training"
    assert not np.array_equal(kept.theta, whole.state.theta)


def small_fingerprints() -> list[str]:
    """One line for each of many small trainings: what it was, and a digest of what came out."""
    lines = []
    combinations = [(name, pair) for name in ACTIVATIONS for pair in PAIRS]
    for i, (name, pair) in enumerate(combinations):
        problem = make_problem((4, 5, 3), name, pair, 6)
        optimizer = list(OPTIMIZERS)[i % len(OPTIMIZERS)]
        rows, bounds = plan(6, 3, 2)
        for dtype in (np.float64, np.float32):
            result = train_engine(
                problem, OPTIMIZERS[optimizer], rows, bounds, np.full(4, 0.02), "dense", dtype
            )
            digest = fingerprint(result.theta, result.slots, result.losses)
            lines.append(f"{dtype.__name__} {name} {pair[0]} {optimizer} {digest}")
    return lines


@pytest.fixture(scope="module")
def interpreted_fingerprints() -> list[str]:
    """Run the same trainings in a process whose kernels are plain Python."""
    folders = [str(Path(__file__).parent), str(Path(__file__).parents[1])]
    program = (
        f"import sys; sys.path[:0] = {folders!r}; import test_bits; "
        "print(*test_bits.small_fingerprints(), sep='\\n')"
    )
    outcome = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    return outcome.stdout.splitlines()


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_interpreted_kernels_give_the_same_bits(
    dtype: str, interpreted_fingerprints: list[str]
) -> None:
    """Below the size where tiles come in, every number is the compiled one."""
    pairs = zip(small_fingerprints(), interpreted_fingerprints, strict=True)
    of_dtype = [(a, b) for a, b in pairs if a.startswith(dtype)]
    assert len(of_dtype) == len(ACTIVATIONS) * len(PAIRS)
    different = [a.rsplit(" ", 1)[0] for a, b in of_dtype if a != b]
    assert not different, f"{len(different)} of {len(of_dtype)} differ"

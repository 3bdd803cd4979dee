"""How a step is cut into tasks and slices: by batch and network, whoever takes them."""

import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose
from threadpoolctl import threadpool_limits

from bits import fingerprint
from problems import OPTIMIZERS, Problem, make_problem
from retrograd.engine import trainer as trainer_module
from retrograd.engine.kernels.backward import first_row_of
from retrograd.engine.kernels.data import Plan
from retrograd.engine.kernels.product import WHOLE_TILES, WIDE_TILE_ROWS
from retrograd.engine.kernels.steps import tasks_of
from retrograd.engine.network import Network
from retrograd.engine.tiles import TILE_ROWS
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.work import make_work, parameter_tasks, shares_of, slice_rows_of

SOFTMAX = ("log_loss", "softmax")


def test_tasks_depend_on_batch_and_network_only() -> None:
    """Not on the threads, nor on anything else of the process; and they cover every parameter."""
    problem, batch_size = make_problem((30, 100, 50, 5), "tanh", SOFTMAX, 2), 520
    tasks = []
    for limit in (1, 2, 8):
        with threadpool_limits(limits=limit, user_api="blas"):
            work = make_work(problem.network, np.dtype(np.float64), batch_size, sparse=False)
            tasks.append((work.task_rows, work.panel_rows, work.parameter_tasks.tolist()))
    assert tasks[0] == tasks[1] == tasks[2]
    for widths in ((30, 100, 5), (700, 600, 1), (1, 1)):
        for sparse in (False, True):
            network = make_problem(widths, "tanh", ("squared_error", "identity"), 2).network
            seen, cut = np.zeros(network.n_parameters, int), parameter_tasks(network, sparse)
            for n_workers in (1, 2, 3, 8):
                dealt = shares_of(cut, np.array(network.widths), n_workers).reshape(n_workers, -1)
                assert sorted(dealt[dealt >= 0]) == list(range(len(cut)))
            for layer, unit, n_units in cut:
                if n_units == 0:
                    network.biases(seen, layer)[:] += 1
                else:
                    network.weights(seen, layer)[unit : unit + n_units] += 1
            assert (seen == 1).all()


def one_step(
    problem: Problem,
    n_rows: int,
    batch_size: int,
    n_workers: int = 1,
    slice_rows: int | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """Gradient and parameters of a step on the first rows; batches may be as large as said."""
    optimizer = OPTIMIZERS["adam"]
    state = State.start(problem.theta, optimizer)
    trainer = Trainer(problem.network, optimizer, problem.data("dense"), batch_size, state)
    if slice_rows is not None:
        trainer.work = trainer.work._replace(slice_rows=slice_rows)
    step = Plan(np.arange(n_rows), np.array([0, n_rows]), np.full(1, 0.01), np.ones(1))
    assert trainer.take(step, np.empty(1), n_workers) == 1
    return trainer.work.gradient, state.theta


# The second network's layers are so wide that products want them in strips.
SLICED = [((30, 100, 2), 106), ((300, 260, 280, 3), 166)]


@pytest.mark.parametrize(("widths", "from_rows"), SLICED)
@pytest.mark.parametrize("n_rows", [201, 1024, 1500])
def test_slices_add_up_to_the_gradient(
    widths: tuple[int, ...], from_rows: int, n_rows: int
) -> None:
    """Taken in two slices it is that of all rows at once, but for the last digits; all panels'."""
    problem = make_problem(widths, "tanh", SOFTMAX, n_rows)
    assert slice_rows_of(problem.network) == from_rows
    sliced, _ = one_step(problem, n_rows, n_rows)
    whole, _ = one_step(problem, n_rows, n_rows, slice_rows=sys.maxsize)
    assert_allclose(sliced, whole, rtol=0, atol=1e-13 * np.abs(whole).max())
    assert sliced.tobytes() != whole.tobytes(), "else nothing was sliced"


@pytest.mark.compiled
@pytest.mark.parametrize("widths", [widths for widths, _ in SLICED])
def test_threads_do_not_change_slices(widths: tuple[int, ...]) -> None:
    """Whoever takes which task: 1500 rows are a panel of 1024 and one of 476, both sliced."""
    problem = make_problem(widths, "relu", SOFTMAX, 1500)
    digests = {fingerprint(*one_step(problem, 1500, 1500, n)) for n in (1, 2, 3, 8)}
    assert len(digests) == 1


@pytest.mark.parametrize("n_rows", [60, 110, 150])
def test_slices_depend_on_the_batch_alone(n_rows: int) -> None:
    """A smaller batch among larger ones is the same when it is looked at alone, as a trace does."""
    problem = make_problem((30, 100, 2), "relu", SOFTMAX, 200)
    assert 60 < slice_rows_of(problem.network) < 150
    alone, among = one_step(problem, n_rows, n_rows), one_step(problem, n_rows, 200)
    assert fingerprint(*alone) == fingerprint(*among)


def test_what_is_sliced_is_two_tasks_of_rows() -> None:
    """A slice is of whole tasks: strips are laid by the one and read by the other."""
    for width in (1, 8, 100, 511, 512, 600, 3000):
        for n_in in (1, 8, 100, 3000):
            network = Network((n_in, width, 1), ("relu",), "identity", "squared_error")
            n_rows = slice_rows_of(network)
            work = make_work(network, np.dtype(np.float32), n_rows, sparse=False, panel_rows=n_rows)
            assert work.slice_rows == n_rows
            assert work.slices.shape[0] == 2
            assert tasks_of(n_rows, work.task_rows) >= 2
            sparse = make_work(network, np.dtype(np.float32), n_rows, sparse=True)
            assert sparse.slices.size == 0


def test_two_workers_find_something_to_do_in_a_small_network() -> None:
    """Its rows, unless they are very few, and its one large layer are cut in two."""
    assert [tasks_of(n_rows, 64) for n_rows in (1, 47, 48, 64, 65, 129)] == [1, 1, 2, 2, 2, 4]
    assert [tasks_of(n_rows, 128) for n_rows in (63, 64, 128, 129)] == [1, 2, 2, 2]
    assert [tasks_of(n_rows, 32) for n_rows in (32, 33, 64, 65)] == [1, 2, 2, 4]
    network = make_problem((30, 100, 1), "relu", ("log_loss", "logistic"), 2).network
    tasks = parameter_tasks(network, sparse=False)
    dealt = shares_of(tasks, np.array(network.widths), 2).reshape(2, -1)
    parameters = [
        sum(tasks[n, 2] * network.widths[tasks[n, 0] + 1] for n in share if n >= 0)
        for share in dealt
    ]
    assert min(parameters) > 0.6 * max(parameters)


def test_no_more_workers_than_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """One that has nothing to do would wait at every meeting all the same."""
    problem, n_made = make_problem((4, 3, 2), "tanh", ("squared_error", "identity"), 100), []
    monkeypatch.setattr(trainer_module, "run_workers", lambda n, *_: n_made.append(n))
    step = Plan(np.arange(10), np.array([0, 10]), np.ones(1), np.ones(1))
    for batch_size in (10, 60, 2000):
        state = State.start(problem.theta, OPTIMIZERS["sgd"])
        data = problem.data("dense")
        teacher = Trainer(problem.network, OPTIMIZERS["sgd"], data, batch_size, state)
        for n_asked in (3, 50):
            teacher.take(step, np.empty(1), n_asked)
    # Two layers' weights and biases are four tasks, and 1024 rows at once are 16.
    assert n_made == [3, 4, 3, 4, 3, 16]


@pytest.mark.parametrize("task_rows", [32, 64, 128])
def test_tasks_of_rows_are_whole_tiles(task_rows: int) -> None:
    """All but a panel's last; about as large as each other; and no row is in none, or in two."""
    for n_rows in range(1, 600):
        n_tasks = tasks_of(n_rows, task_rows)
        firsts = np.array([first_row_of(n_rows, task, n_tasks) for task in range(n_tasks + 1)])
        assert firsts[0] == 0
        assert firsts[-1] == n_rows
        assert not (firsts[:-1] % WIDE_TILE_ROWS).any()
        assert np.abs(np.diff(firsts) - n_rows / n_tasks).max() <= WIDE_TILE_ROWS
        # Of half the tasks, which slices are: else one would be laid by two.
        assert n_tasks == 1 or firsts[n_tasks // 2] == first_row_of(n_rows, 1, 2)


def test_work_is_cut_into_whole_tiles() -> None:
    """On this processor, too; the cut itself is the same on all."""
    assert TILE_ROWS[-1] == WIDE_TILE_ROWS
    assert all(WHOLE_TILES % n_rows == 0 for n_rows in TILE_ROWS)

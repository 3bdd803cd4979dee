"""Any number of threads, the same bits: every kind of network, dtype, optimizer and storage."""

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from bits import NETWORKS, SHARED, fingerprint, problem_of, share_all, trained, work_of
from problems import OPTIMIZERS, make_problem
from retrograd.engine import prediction
from retrograd.engine.course import Course, Shuffled
from retrograd.engine.objective import Objective
from retrograd.engine.prediction import predict
from retrograd.engine.threads import n_workers_for
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.work import PANEL_ROWS, WIDE

pytestmark = pytest.mark.compiled  # interpreted kernels run in one thread
DTYPES = [np.float64, np.float32]
MANY = (2, 3, 8)


@pytest.fixture
def all_is_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    """Share however little work there is, that of a prediction included."""
    share_all(monkeypatch)
    monkeypatch.setattr(prediction, "PANEL_ROWS", 50)
    monkeypatch.setattr(prediction, "PANEL_ROWS_WIDE", 50)


def with_threads(limit: int, work, *arguments):
    """What the work gives with so many threads."""
    with threadpool_limits(limit, user_api="blas"):
        assert n_workers_for(1 << 40) == limit, "the test must really use that many"
        return work(*arguments)


def objective(name: str, storage: str, dtype: type) -> dict[str, str]:
    """Fingerprints of what L-BFGS asks for, at two places one after the other."""
    problem = problem_of(name)
    ask = Objective(problem.network, 0.1, problem.data(storage, dtype))
    results = {}
    for scale in (1.0, 0.9):
        loss, gradient = ask(scale * problem.theta)
        results[f"loss {scale}"] = fingerprint(np.array([loss, ask.reported(problem.theta)]))
        results[f"gradient {scale}"] = fingerprint(gradient)
    return results


@pytest.mark.usefixtures("all_is_shared")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("name", NETWORKS)
def test_training(name: str, optimizer: str, storage: str, dtype: type) -> None:
    """Parameters, the optimizer's memory, losses and predictions, byte for byte.

    With more workers than there are tasks, too.
    """
    alone = with_threads(1, trained, name, optimizer, storage, dtype)
    for limit in MANY:
        assert with_threads(limit, trained, name, optimizer, storage, dtype) == alone, limit


@pytest.mark.usefixtures("all_is_shared")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", ["dense", "csr"])
@pytest.mark.parametrize("name", NETWORKS)
def test_objective(name: str, storage: str, dtype: type) -> None:
    """The loss and the gradient that L-BFGS is given."""
    alone = with_threads(1, objective, name, storage, dtype)
    for limit in MANY:
        assert with_threads(limit, objective, name, storage, dtype) == alone, limit


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SHARED)
def test_shared_of_its_own_accord(name: str, dtype: type) -> None:
    """The same where nothing has been set: these are large enough to be shared."""
    results = []
    for limit in (1, *MANY):
        with threadpool_limits(limit, user_api="blas"):
            assert n_workers_for(*work_of(name)) == limit
            results.append((trained(name, "adam", "dense", dtype), objective(name, "csr", dtype)))
    assert results[1:] == results[:1] * len(MANY)


def test_the_networks_are_of_the_kinds_they_are_meant_to_be() -> None:
    """The engine's limits may move; the tests must go on to see both sides of them."""
    assert NETWORKS["several panels"][-1] > 2 * PANEL_ROWS
    assert max(NETWORKS["wide"][0][1:]) >= WIDE > max(NETWORKS["shared"][0])
    with threadpool_limits(8, user_api="blas"):
        for name in set(NETWORKS) - set(SHARED):
            assert n_workers_for(*work_of(name)) == 1


@pytest.mark.usefixtures("all_is_shared")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", ["shared", "one output", "wide"])
def test_one_thread_at_one_time_and_many_at_another(name: str, dtype: type) -> None:
    """Batches of any size, each fit with another number of threads, again and again.

    What one worker leaves behind in a buffer must not be what another one finds.
    """
    problem = problem_of(name)
    data = problem.data("dense", dtype)
    expected = with_threads(1, predict, problem.network, problem.theta.astype(dtype), data, 150)
    ask = Objective(problem.network, 0.1, data)
    first = with_threads(1, ask, problem.theta)
    for limit in (8, 2, 1, 3, 5):
        loss, gradient = with_threads(limit, ask, problem.theta)
        assert loss == first[0]
        np.testing.assert_array_equal(gradient, first[1], strict=True)
        again = with_threads(
            limit, predict, problem.network, problem.theta.astype(dtype), data, 150
        )
        np.testing.assert_array_equal(again, expected, strict=True)


def test_mean_loss_of_an_epoch_with_many_steps() -> None:
    """So many that a BLAS would share their sum."""
    problem = make_problem((2, 2, 1), "identity", ("log_loss", "logistic"), 30_000)
    course = Course(OPTIMIZERS["sgd"], Shuffled(30_000, 0, False), batch_size=1, total_epochs=1)

    def epoch() -> float:
        state = State.start(problem.theta.copy(), OPTIMIZERS["sgd"])
        return Trainer(problem.network, OPTIMIZERS["sgd"], data, 1, state).epoch(course)

    data = problem.data("dense")
    alone = with_threads(1, epoch)
    for limit in MANY:
        assert with_threads(limit, epoch) == alone

"""The engine against the oracle: parameters, optimizer memory and losses after several steps.

The small nets cover the whole product of activation, loss, optimizer, dtype and storage. The large
ones reach what small ones do not (products in tiles, several tasks, several panels a batch);
there every value of every factor occurs, but not with every other, since those code paths do not
know which activation, loss or optimizer they work for.
"""

import numpy as np
import pytest

from problems import (
    OPTIMIZERS,
    PAIRS,
    Problem,
    layers_of,
    make_problem,
    plan,
    rounded,
    train_engine,
    train_oracle,
)
from retrograd.engine.kernels import product
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.prediction import predict
from retrograd.engine.trainer import State, Trainer
from retrograd.engine.work import make_work
from retrograd.maths.activations import ACTIVATIONS

STORAGES = ("dense", "csr")
DTYPES = (np.float64, np.float32)

# Relative to the largest number of the same kind: some roundings, and no more. Adam's first steps
# divide each gradient by its own size, which magnifies the rounding of small gradients; that alone
# keeps single precision from 2e-6.
TOLERANCE = {np.float64: 2e-13, np.float32: 3e-5}


def assert_close(actual: np.ndarray, expected: np.ndarray, dtype: type, what: str) -> None:
    """Compare two arrays, errors measured against the largest entry."""
    scale = max(1e-3, np.abs(expected).max(initial=0.0))
    np.testing.assert_allclose(
        actual, expected, rtol=0.0, atol=TOLERANCE[dtype] * scale, err_msg=what
    )


def compare(
    problem: Problem,
    optimizer: Optimizer,
    batch_size: int,
    epochs: int,
    storage: str,
    dtype: type,
    what: str,
) -> None:
    """Train both ways on the same batches at the same, changing rates."""
    rows, bounds = plan(len(problem.X), batch_size, epochs)
    rates = optimizer.learning_rate_init * 0.9 ** np.arange(bounds.size - 1)
    ours = train_engine(problem, optimizer, rows, bounds, rates, storage, dtype)
    theirs = train_oracle(problem, optimizer, rows, bounds, rates, dtype)
    assert ours.theta.dtype == ours.slots.dtype == dtype
    assert ours.losses.dtype == np.float64
    assert ours.slots.shape == theirs.slots.shape
    assert_close(ours.losses, theirs.losses, dtype, f"losses, {what}")
    assert_close(ours.theta, theirs.theta, dtype, f"parameters, {what}")
    for k in range(len(ours.slots)):
        assert_close(ours.slots[k], theirs.slots[k], dtype, f"slot {k}, {what}")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_small_nets(activation: str, pair: tuple[str, str], storage: str, dtype: type) -> None:
    """Every activation x loss x storage x dtype, with every optimizer; 2 epochs of 3 batches."""
    problem = make_problem((4, 5, 3, 2), activation, pair, n_rows=8)
    for name, optimizer in OPTIMIZERS.items():
        compare(problem, optimizer, 3, 2, storage, dtype, name)


@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
def test_no_hidden_layer(pair: tuple[str, str], storage: str) -> None:
    """A linear model is a network too."""
    compare(make_problem((4, 2), "", pair, 8), OPTIMIZERS["adam"], 3, 2, storage, np.float64, "")


def test_one_activation_per_layer() -> None:
    """Hidden layers of different kinds, each with its own slope."""
    problem = make_problem((3, 4, 5, 4, 1), "tanh", ("log_loss", "logistic"), 9)
    network = problem.network
    mixed = type(network)(network.widths, ("relu", "gelu", "softplus"), "logistic", "log_loss")
    problem.network = mixed
    compare(problem, OPTIMIZERS["sgd with Nesterov"], 4, 3, "dense", np.float64, "mixed")


@pytest.mark.parametrize("n_outputs", [1, 3])
def test_labels_between_no_and_yes(n_outputs: int) -> None:
    """A label may be a probability; some of them are, beside others that are not."""
    problem = make_problem((4, 5, n_outputs), "tanh", ("log_loss", "logistic"), n_rows=8)
    problem.y[::2] = rounded(np.random.default_rng(0).uniform(size=(4, n_outputs)))
    compare(problem, OPTIMIZERS["adam"], 4, 3, "dense", np.float64, "between")


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_one_example_a_step(activation: str, pair: tuple[str, str], dtype: type) -> None:
    """The notebook's own rule: plain descent, no penalty, no weights, one row a step.

    Two layers: of more, or of one, the steps are taken in the ordinary way.
    """
    problem = make_problem((4, 5, 3), activation, pair, n_rows=8)
    problem.weight[:] = 1.0
    unweighted = problem.data("dense", dtype)._replace(sample_weight=np.empty(0, dtype))
    unweighted.sample_weight.flags.writeable = False
    optimizer = Optimizer("sgd", 0.05, momentum=0.0)
    state = State.start(problem.theta.astype(dtype), optimizer)
    rows, bounds = plan(8, 1, 2)
    losses = Trainer(problem.network, optimizer, unweighted, 1, state).run(
        rows, bounds, np.full(16, 0.05)
    )
    theirs = train_oracle(problem, optimizer, rows, bounds, np.full(16, 0.05), dtype)
    assert_close(losses, theirs.losses, dtype, "losses")
    assert_close(state.theta, theirs.theta, dtype, "parameters")


# Widths, rows, batch size. What each is for is asserted below.
IN_TILES = ((30, 40, 35, 12), 70, 32)
SHARED = ((60, 128, 256, 6), 300, 200)
PANELS = ((6, 8, 3), 1200, 1100)
SHARED_PANELS = ((20, 20, 7), 4300, 4200)
# Rows so long that they are laid in strips, and more terms in a sum than are added in one go. It is
# the first, with the plain optimizers: of so many gradients some all but vanish, and what Adam
# makes of their last bits is no small number.
IN_STRIPS = ((520, 600, 530, 6), 400, 300)
BLOCKS = ((40, 130, 6), 20, 7)

LARGE = [
    (shape, activation, pair, optimizer)
    for i, shape in enumerate((IN_STRIPS, SHARED, PANELS, SHARED_PANELS, IN_TILES, BLOCKS))
    for activation, pair, optimizer in zip(
        # Coprime strides through the tables: over the six shapes every value occurs.
        [list(ACTIVATIONS)[(3 * i + k) % len(ACTIVATIONS)] for k in range(3)],
        [PAIRS[(3 * i + k) % len(PAIRS)] for k in range(3)],
        [list(OPTIMIZERS)[(2 * i + k) % len(OPTIMIZERS)] for k in range(3)],
        strict=True,
    )
]


def test_the_large_nets_cover_everything() -> None:
    """Every activation, loss and optimizer is among them, and so is every way through the code."""
    assert {activation for _, activation, _, _ in LARGE} == set(ACTIVATIONS)
    assert {pair for _, _, pair, _ in LARGE} == set(PAIRS)
    assert {optimizer for _, _, _, optimizer in LARGE} == set(OPTIMIZERS)
    works = []
    for widths, n_rows, batch_size in (IN_TILES, SHARED, PANELS, SHARED_PANELS):
        network = make_problem(widths, "tanh", PAIRS[1], 2).network
        work = make_work(network, np.dtype(np.float64), batch_size, sparse=False)
        works.append((batch_size > work.task_rows, batch_size > work.panel_rows))
        assert n_rows % batch_size > 0, "the last batch must be smaller"
    assert works == [(False, False), (True, False), (True, True), (True, True)]
    network = make_problem(SHARED[0], "tanh", PAIRS[1], 2).network
    work = make_work(network, np.dtype(np.float32), SHARED[2], sparse=False)
    strips = (work.strips.size > 0, work.delta_strips.size > 0)
    assert strips == (True, False), "of a large layer the weights alone"
    network = make_problem((600, 300, 6), "tanh", PAIRS[1], 2).network
    sizes = [make_work(network, np.dtype(np.float32), 32, one).strips.size for one in (False, True)]
    assert sizes == [600 * 300 + 300 * 6, 0], "nobody reads a sparse first layer's weights there"
    widths, _, batch_size = IN_STRIPS
    network = make_problem(widths, "tanh", PAIRS[1], 2).network
    work = make_work(network, np.dtype(np.float32), batch_size, sparse=False)
    assert all(strips.size for strips in (work.strips, work.delta_strips, work.input_strips))
    n_inputs, strips = np.array(widths[:-1]), work.input_widths
    assert ((strips > 0) == [True, True, False]).all(), "where both sides of a layer are wide"
    assert (strips < n_inputs).all(), "several tasks, and so strips, of each layer's inputs"
    assert min(widths[:-1]) * 4 > product.STRIP_BYTES
    assert batch_size > product.DEPTH_IN_STRIPS


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize(("shape", "activation", "pair", "optimizer"), LARGE)
def test_large_nets(
    shape: tuple, activation: str, pair: tuple[str, str], optimizer: str, storage: str, dtype: type
) -> None:
    """Tiles, tasks and panels, with a smaller last batch that is cut otherwise."""
    widths, n_rows, batch_size = shape
    problem = make_problem(widths, activation, pair, n_rows, seed=3)
    compare(problem, OPTIMIZERS[optimizer], batch_size, 2, storage, dtype, optimizer)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("storage", STORAGES)
@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_predict(activation: str, pair: tuple[str, str], storage: str, dtype: type) -> None:
    """Predictions are the oracle's forward."""
    problem = make_problem((4, 5, 3), activation, pair, n_rows=6, seed=1)
    theta = problem.theta.astype(dtype)
    ours = predict(problem.network, theta, problem.data(storage, dtype), 6)
    theirs = problem.model().predict(layers_of(problem.network, theta), problem.X)
    assert ours.dtype == dtype
    rtol = 1e-13 if dtype is np.float64 else 5e-6
    np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=rtol)


@pytest.mark.compiled
@pytest.mark.parametrize("storage", STORAGES)
def test_predict_in_several_panels(storage: str) -> None:
    """More rows than are held at once."""
    problem = make_problem((30, 40, 5), "silu", ("log_loss", "softmax"), n_rows=1300)
    ours = predict(problem.network, problem.theta, problem.data(storage), 1300)
    theirs = problem.model().predict(layers_of(problem.network, problem.theta), problem.X)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12)
    np.testing.assert_allclose(ours.sum(axis=1), 1.0, rtol=1e-14)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("output", "n_outputs"), [("softmax", 3), ("logistic", 1)])
def test_certain_predictions(output: str, n_outputs: int, dtype: type) -> None:
    """Pre-activations in the thousands give 0 and 1, a capped loss, and a gradient like any."""
    problem = make_problem((1, n_outputs), "", ("log_loss", output), 12)
    problem.X[:] = np.where(np.arange(12) % 2, 1.0, -1.0)[:, None]
    problem.theta[:] = 0.0
    problem.theta[:n_outputs] = [3e3, 0.0, -3e3][:n_outputs]
    rows, bounds, rates = np.arange(12), np.array([0, 12]), np.array([0.1])
    optimizer = Optimizer("sgd", 0.1, momentum=0.0)
    ours = train_engine(problem, optimizer, rows, bounds, rates, "dense", dtype)

    theta = problem.theta.astype(dtype)
    outputs = predict(problem.network, theta, problem.data("dense", dtype), 12)
    assert set(outputs.ravel().tolist()) == {0.0, 1.0}
    targets = problem.model().targets(layers_of(problem.network, theta), problem.y)
    wrong = (outputs != targets).any(axis=1)
    assert 0 < wrong.sum() < 12
    cap = -np.log(np.finfo(dtype).eps)
    expected = cap * np.sum(problem.weight[wrong]) / problem.weight.sum()
    np.testing.assert_allclose(ours.losses, [expected], rtol=1e-6)
    assert np.isfinite(ours.theta).all()
    assert not np.array_equal(ours.theta, theta)

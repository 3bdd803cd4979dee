"""The notebook of a trace: it runs clean in plain NumPy, and does not if a number is wrong."""

import json
import re
from base64 import b64decode
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from problems import OPTIMIZERS, PAIRS
from retrograd.engine.batches import make_data
from retrograd.engine.jit import COMPILED
from retrograd.engine.network import Network
from retrograd.engine.optimizers import Optimizer
from retrograd.engine.trainer import State
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.trace import Trace, trace_step
from retrograd.rewind.walk import notebook
from retrograd.rewind.walk.literals import array_literal
from walks import (
    LAYER_ARRAYS,
    LOGISTIC,
    POISSON,
    SOFTMAX,
    SQUARED,
    fading_trace,
    make_trace,
    tampered,
    weightless_trace,
)

CELLS = {"cell_type", "id", "metadata", "source"}


def code_of(path: Path) -> list[str]:
    """Source of the code cells of a notebook's file."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]


def run(trace: Trace, folder: Path) -> dict:
    """Write a trace's notebook and run it, cell after cell, in a namespace of its own."""
    path = folder / "walk.ipynb"
    trace.to_notebook(path)
    namespace: dict = {"__name__": "__main__"}
    with np.errstate(all="warn", under="ignore"):
        for source in code_of(path):
            exec(compile(source, "cell", "exec"), namespace)
    return namespace


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_it_runs_clean(activation: str, pair: tuple[str, str], tmp_path: Path) -> None:
    """For every optimizer, both precisions, dense and sparse rows, with and without weights."""
    kinds = list(product(OPTIMIZERS, [np.float32, np.float64], ["dense", "csr"], [False, True]))
    # A part of them, another one for the next activation and pair: each meets all of them.
    parts = 3 if COMPILED else 5
    part = (list(ACTIVATIONS).index(activation) + PAIRS.index(pair)) % parts
    for optimizer, dtype, storage, weights in kinds[part::parts]:
        trace = make_trace(
            (3, 4, 3, 2), activation, pair, 5, optimizer,
            dtype=dtype, storage=storage, weights=weights,
        )  # fmt: skip
        found = run(trace, tmp_path)
        for layer in trace.layers:
            np.testing.assert_array_equal(found["W_after"][layer.layer], layer.W_after)
            np.testing.assert_array_equal(found["input"][0].shape, trace.layers[0].input.shape)


@pytest.mark.parametrize("pair", PAIRS, ids="-".join)
@pytest.mark.parametrize("n_rows", [1, 7])
def test_without_hidden_layers(pair: tuple[str, str], n_rows: int, tmp_path: Path) -> None:
    """And with a single row."""
    run(make_trace((3, 2), "", pair, n_rows, "adamw"), tmp_path)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_wide_network(activation: str, dtype: type, tmp_path: Path) -> None:
    """Whose sums are long, and added up in another order."""
    found = run(make_trace((784, 100, 10), activation, SOFTMAX, 200, "adam", dtype=dtype), tmp_path)
    assert found["W_after"][0].shape == (784, 100)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("times", [0.5, 1.04, 1e25])
@pytest.mark.parametrize("pair", [SQUARED, LOGISTIC, SOFTMAX], ids="-".join)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_numbers_that_fade(
    optimizer: str, pair: tuple[str, str], times: float, dtype: type, tmp_path: Path
) -> None:
    """Training takes subnormal ones for 0, and small ones that are normal for what they are."""
    trace = fading_trace((3, 4, 2), pair, optimizer, times, dtype)
    found = run(trace, tmp_path)
    np.testing.assert_array_equal(found["W_after"][0], trace.layers[0].W_after)
    moved = (trace.decayed + trace.update).astype(dtype)
    np.testing.assert_array_equal(moved, trace.theta_after)
    if times > 2.0:
        with pytest.raises(AssertionError):
            run(tampered(trace, "W_after", 0), tmp_path)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_batch_that_weighs_nothing(optimizer: str, tmp_path: Path) -> None:
    """Stands still there, too."""
    trace = weightless_trace(optimizer)
    found = run(trace, tmp_path)
    np.testing.assert_array_equal(found["W_after"][0], trace.layers[0].W)
    assert found["loss"] == 0.0


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where the kernels are interpreted
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("pair", [SQUARED, LOGISTIC, SOFTMAX], ids="-".join)
@pytest.mark.parametrize("activation", ["relu", "identity", "gelu"])
def test_a_step_that_diverged(
    activation: str, pair: tuple[str, str], optimizer: str, tmp_path: Path
) -> None:
    """NaN and infinity are where they were."""
    trace = make_trace((2, 3, 2), activation, pair, 4, optimizer, steps=0, scale=1e200)
    run(trace, tmp_path)
    if pair == SQUARED:
        assert trace.trouble is not None


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # where the kernels are interpreted
@pytest.mark.parametrize("scale", [200.0, 1000.0])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_overflows_in_the_kernels_precision(dtype: type, scale: float, tmp_path: Path) -> None:
    """An exp that is infinite in float32 only, and one that is so in both."""
    trace = make_trace((2, 1), "", POISSON, 9, dtype=dtype, steps=0, scale=scale)
    assert np.isinf(trace.y_pred).any() == (dtype == np.float32 or scale > 500.0)
    found = run(trace, tmp_path)
    assert np.array_equal(found["rows"], trace.rows)


def test_squares_near_the_largest_number(tmp_path: Path) -> None:
    """The notebook multiplies in the kernels' order: halves of squares find more room."""
    network, optimizer = Network((1, 1), (), "identity", "squared_error"), Optimizer("sgd")
    data = make_data(network, np.array([[1.0]]), np.array([1.5e154]))
    trace = trace_step(
        network, optimizer, data, State.start(np.zeros(2), optimizer), np.array([0]), 0.1
    )
    assert np.isfinite(trace.loss)
    run(trace, tmp_path)


OF_THE_STEP = [
    (name, None) for name in ("loss", "penalty", "correction", "loss_per_row", "slots_after")
]
ONE_NUMBER = [(name, layer) for layer in (0, 1) for name in LAYER_ARRAYS if name != "input"]


@pytest.mark.parametrize(("name", "layer"), [*OF_THE_STEP, *ONE_NUMBER])
def test_a_wrong_number_is_found(name: str, layer: int | None, tmp_path: Path) -> None:
    """A millionth part off, in any array: an assertion fails."""
    trace = make_trace((3, 4, 2), "tanh", SOFTMAX, 5, "adam", weights=True, steps=2)
    run(trace, tmp_path)
    with pytest.raises(AssertionError):
        run(tampered(trace, name, layer), tmp_path)


def test_a_wrong_decay_is_found(tmp_path: Path) -> None:
    trace = make_trace((3, 4, 2), "tanh", SOFTMAX, 5, "adamw", steps=2)
    run(trace, tmp_path)
    with pytest.raises(AssertionError):
        run(tampered(trace, "W_decayed", 1), tmp_path)


def test_wrong_data_are_found(tmp_path: Path) -> None:
    """Targets, weights, rows and hyperparameters are what the numbers were made from."""
    trace = make_trace((3, 4, 2), "tanh", SQUARED, 5, "adam", weights=True, steps=2)
    wrong = [tampered(trace, "y"), tampered(trace, "sample_weight"), tampered(trace, "slots")]
    wrong += [tampered(trace, "input", 0), tampered(trace, "learning_rate")]
    for field in ("beta_1", "beta_2", "alpha"):
        changed = replace(trace.optimizer, **{field: getattr(trace.optimizer, field) * 0.9999})
        wrong.append(replace(trace, optimizer=changed))
    for other in wrong:
        with pytest.raises(AssertionError):
            run(other, tmp_path)


def test_what_the_file_is(tmp_path: Path) -> None:
    """A notebook of format 4.5, all of whose imports are NumPy's and Python's own."""
    path = tmp_path / "walk.ipynb"
    path.write_text('{"an": "older one"}')
    make_trace((3, 70, 2), "gelu", SOFTMAX, 5, "adam").to_notebook(path)
    told = json.loads(path.read_text(encoding="utf-8"))
    assert (told["nbformat"], told["nbformat_minor"]) == (4, 5)
    assert told["metadata"]["kernelspec"]["name"] == "python3"
    ids = [cell["id"] for cell in told["cells"]]
    assert len(set(ids)) == len(ids)
    for cell in told["cells"]:
        code = cell["cell_type"] == "code"
        assert set(cell) == (CELLS | {"execution_count", "outputs"} if code else CELLS)
        assert all(line.endswith("\n") for line in cell["source"][:-1])
    imports = re.findall(r"^(?:import|from) (\w+)", "\n".join(code_of(path)), re.MULTILINE)
    assert imports == ["base64", "math", "numpy"]
    markdown = "".join("".join(c["source"]) for c in told["cells"] if c["cell_type"] == "markdown")
    assert "retrograd" not in "\n".join(code_of(path))
    assert r"$z_{0} = \mathrm{input}_{0} W_{0} + b_{0}$" in markdown
    assert "> Why no derivative of the softmax here" in markdown
    assert [other.name for other in tmp_path.iterdir()] == ["walk.ipynb"]


def test_a_small_one_needs_numpy_only(tmp_path: Path) -> None:
    """The learner's."""
    path = tmp_path / "walk.ipynb"
    make_trace((2, 2, 1), "identity", LOGISTIC, 1).to_notebook(str(path))
    source = "\n".join(code_of(path))
    assert re.findall(r"^(?:import|from) .*", source, re.MULTILINE) == ["import numpy as np"]
    assert max(map(len, source.splitlines())) <= 100


def test_too_large_for_a_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything is written, with the way out."""
    trace = make_trace((3, 4, 2), "tanh", SOFTMAX, 5, storage="csr")
    monkeypatch.setattr(notebook, "LARGEST", notebook.numbers_in(trace))
    trace.to_notebook(tmp_path / "fits.ipynb")
    monkeypatch.setattr(notebook, "LARGEST", notebook.numbers_in(trace) - 1)
    with pytest.raises(ValueError, match=r"MB of numbers.*trace fewer rows"):
        trace.to_notebook(tmp_path / "walk.ipynb")
    assert [path.name for path in tmp_path.iterdir()] == ["fits.ipynb"]


def test_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was there stays if the writing fails, and nothing lies about."""
    trace, path = make_trace((2, 2, 1), "identity", LOGISTIC, 1), tmp_path / "walk.ipynb"
    path.write_text('{"mine": 1}')

    def fail(*_):
        raise OSError("no room")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="no room"):
        trace.to_notebook(path)
    assert path.read_text() == '{"mine": 1}'
    assert [other.name for other in tmp_path.iterdir()] == ["walk.ipynb"]


@given(
    arrays.arrays(
        st.sampled_from([np.float32, np.float64, np.int64]),
        arrays.array_shapes(min_dims=1, max_dims=2, min_side=0, max_side=20),
    )
)
def test_literals_give_the_same_bits(array: np.ndarray) -> None:
    """Any number, NaN and infinity and −0, as text or as bytes."""
    again = eval(array_literal(array), {"np": np, "b64decode": b64decode})
    assert again.shape == array.shape
    assert again.dtype == array.dtype
    np.testing.assert_array_equal(again, array)
    number = ~np.isnan(array)
    np.testing.assert_array_equal(np.signbit(again)[number], np.signbit(array)[number])

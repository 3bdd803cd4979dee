"""JAX: an epoch is one ``lax.scan`` in one jitted call, its buffers donated.

Adam is written by hand as a pure function. Also tried: unrolling the scan and one flat parameter
vector (no clear gain, often slower); gathering the whole epoch first (even on most, slower on
784-100-10, some 4 to 9 % faster on 54-256-256-7 with two threads).
"""

import os
from contextlib import nullcontext
from functools import partial

os.environ.setdefault("JAX_PLATFORMS", "cpu")

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.contenders import Trainer
from benchmarks.workloads import SEED

TITLE = "JAX"


def version():
    """Return JAX's version."""
    return f"JAX {jax.__version__}"


def limited(threads):
    """Return an empty context: JAX reads NPROC once, which the measuring process sets."""
    return nullcontext()


def takes(workload):
    """Tell that dense rows are taken, those of float64 where JAX_ENABLE_X64 allows them."""
    return workload.dense and (workload.dtype == "float32" or jax.config.jax_enable_x64)


def trainer(workload, data, epochs, order=None):
    """Prepare a training loop; the data are on the device before it starts."""
    rows = jnp.asarray(data.X)
    labels = jnp.asarray(data.y.astype(np.int32))
    run_epoch = _epoch(workload)

    def train():
        rng = np.random.default_rng(SEED)
        # Plain NumPy arrays: the first call takes them over faster than eager JAX makes its own.
        layers = workload.start()
        first = jax.tree.map(np.zeros_like, layers)
        second = jax.tree.map(np.zeros_like, layers)
        state = layers, first, second, layers[0][0].dtype.type(0)
        curve = []
        for epoch in range(epochs):
            drawn = _draw(workload, len(rows), rng) if order is None else order[epoch]
            state, loss = run_epoch(state, rows, labels, drawn.astype(np.int32))
            curve.append(loss)
        return jax.block_until_ready(state), [float(loss) for loss in curve]

    def parameters(result):
        return [(np.asarray(w), np.asarray(b)) for w, b in result[0][0]]

    return Trainer(train, parameters)


def predictor(workload, data, proba=False):
    """Return the class of each row, through one jitted call."""
    layers = [(jnp.asarray(w), jnp.asarray(b)) for w, b in workload.start()]

    @jax.jit
    def classes(layers, rows):
        z = _forward(workload, layers, rows)
        return z[:, 0] > 0 if workload.classes == 2 else z.argmax(axis=1)

    return lambda rows: classes(layers, rows).block_until_ready()


def _draw(workload, n, rng):
    return rng.integers(n, size=n) if workload.one_example else rng.permutation(n)


def _epoch(workload):
    """Return the jitted epoch: state, rows, labels and row numbers to state and mean loss."""
    update = _adam if workload.solver == "adam" else _sgd

    def step(state, batch):
        layers, first, second, t = state
        loss, gradients = jax.value_and_grad(partial(_loss, workload))(layers, *batch)
        return update(workload.learning_rate, gradients, layers, first, second, t + 1), loss

    @partial(jax.jit, donate_argnums=0)
    def epoch(state, rows, labels, drawn):
        def on_batch(state, chosen):
            return step(state, (rows[chosen], labels[chosen]))

        state, losses = jax.lax.scan(on_batch, state, drawn.reshape(-1, workload.batch))
        return state, losses.mean()

    return epoch


def _forward(workload, layers, a):
    for number, (weights, biases) in enumerate(layers):
        a = a @ weights + biases
        if number < len(layers) - 1 and workload.activation == "relu":
            a = jax.nn.relu(a)
    return a


def _loss(workload, layers, rows, labels):
    z = _forward(workload, layers, rows)
    if workload.classes == 2:
        loss = jnp.mean(jax.nn.softplus(z[:, 0]) - labels * z[:, 0])
    else:
        loss = -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(z), labels[:, None], axis=1))
    if workload.alpha:
        squares = sum(jnp.sum(weights * weights) for weights, _ in layers)
        loss += workload.alpha / (2 * workload.batch) * squares
    return loss


def _sgd(rate, gradients, layers, first, second, t):
    layers = jax.tree.map(lambda p, g: p - rate * g, layers, gradients)
    return layers, first, second, t


def _adam(rate, gradients, layers, first, second, t):
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    rate = rate * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
    layers = jax.tree.map(
        lambda p, m, v: p - rate * m / (jnp.sqrt(v) + 1e-8), layers, first, second
    )
    return layers, first, second, t

"""Keras: ``fit`` with ``jit_compile``, many steps to one execution.

On JAX where that is installed: by ``fit`` its steps took 155 to 1,028 µs there and 970 to 2,122 µs
on PyTorch (two threads, single runs of three of the networks); many steps to one execution brought
20-64-2 on JAX from 155 to 64 µs, and PyTorch allows but one. ``KERAS_BACKEND`` overrides.

The model is compiled once; each training gives it its starting parameters and a fresh optimizer.
"""

import os
from importlib.util import find_spec

os.environ.setdefault("KERAS_BACKEND", "jax" if find_spec("jax") else "torch")
os.environ.setdefault("JAX_PLATFORMS", "cpu")

import keras
import numpy as np

from benchmarks.contenders import Trainer
from benchmarks.workloads import SEED

BACKEND = keras.backend.backend()
TITLE = "Keras"
STEPS_PER_EXECUTION = 100

if BACKEND == "torch":
    from benchmarks.contenders.torch import limited
else:
    # JAX reads NPROC once, which the measuring process sets.
    from benchmarks.contenders.jax import limited  # noqa: F401


def version():
    """Return Keras's version and backend."""
    return f"Keras {keras.__version__} on {BACKEND}"


def takes(workload):
    """Tell that all dense work is taken but the long one; one example a step as a permutation."""
    return workload.dense and not workload.long


def trainer(workload, data, epochs, order=None):
    """Prepare ``fit``; with an ``order`` given, without shuffling."""
    rows, labels, n_epochs = data.X, data.y, epochs
    if workload.one_example and order is not None:
        rows, labels, n_epochs = rows[order.ravel()], labels[order.ravel()], 1
    if workload.classes == 2:
        labels = labels.astype(workload.dtype)[:, None]
    model = network(workload)
    fresh = [np.array(variable) for variable in model.optimizer.variables]
    start = [array for layer in workload.start() for array in layer]

    def train():
        keras.utils.set_random_seed(SEED)
        model.set_weights(start)
        for variable, value in zip(model.optimizer.variables, fresh, strict=True):
            variable.assign(value)
        return model.fit(
            rows,
            labels,
            batch_size=workload.batch,
            epochs=n_epochs,
            shuffle=order is None,
            verbose=0,
        )

    def parameters(history):
        weights = model.get_weights()
        return list(zip(weights[::2], weights[1::2], strict=True))

    return Trainer(train, parameters)


def predictor(workload, data, proba=False):
    """Return the class of each row, all rows in one batch."""
    model = network(workload)
    model.set_weights([array for layer in workload.start() for array in layer])

    def predict(rows):
        z = model.predict_on_batch(rows)
        return z[:, 0] > 0 if workload.classes == 2 else z.argmax(axis=1)

    return predict


def network(workload):
    """Build and compile the network."""
    keras.config.set_floatx(workload.dtype)
    factor = workload.alpha / (2 * workload.batch)
    penalty = keras.regularizers.L2(factor) if factor else None
    activation = "relu" if workload.activation == "relu" else "linear"
    hidden = [
        keras.layers.Dense(width, activation=activation, kernel_regularizer=penalty)
        for width in workload.widths[1:-1]
    ]
    last = keras.layers.Dense(workload.widths[-1], kernel_regularizer=penalty)
    model = keras.Sequential([keras.Input((workload.widths[0],)), *hidden, last])
    if workload.classes == 2:
        loss = keras.losses.BinaryCrossentropy(from_logits=True)
    else:
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    on_jax = BACKEND == "jax"
    steps = min(STEPS_PER_EXECUTION, workload.rows // workload.batch) if on_jax else 1
    if workload.solver == "adam":
        optimizer = keras.optimizers.Adam(workload.learning_rate, epsilon=1e-8)
    else:
        optimizer = keras.optimizers.SGD(workload.learning_rate)
    model.compile(optimizer, loss, jit_compile=on_jax, steps_per_execution=steps)
    model.optimizer.build(model.trainable_variables)
    return model

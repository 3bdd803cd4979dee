"""The seed notebook's walk through one training step: python examples/walk.py."""

import numpy as np

from retrograd import MLP

np.random.seed(2)
X, y = np.random.randint(1, 4, (2, 2)), np.array([1, 0])
r = np.random.randint(1, 2)
mlp = MLP(hidden_units=2, lr=0.01)
mlp.W1 = np.random.randn(2, 3) * np.sqrt(1 / 2)
mlp.W2 = np.random.randn(1, 3) * np.sqrt(1 / 2)
mlp.trace(X[r], y[r]).show()

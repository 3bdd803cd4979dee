"""The seed: the notebook's own network, each of its nine parameters by name.

    W1 = [[b1_0, W1_00, W1_10],      W2 = [[b2, W2_0, W2_1]]
          [b1_1, W1_01, W1_11]]

Two features, two linear hidden units, one logistic output, one example a step. Named numbers stay
in the processor's registers, where those of an array are written and read again at every step.
The arithmetic is that of ``one_example.train``, in its order, bit for bit.
"""

from numpy import float64

from retrograd.engine.jit import jit
from retrograd.engine.kernels.backward import canonical_delta, log_loss
from retrograd.engine.kernels.forward import logistic


@jit
def train(theta, data, plan, losses, tiny, n_steps):
    """Take the first n_steps of a plan; return how many went well, theta being as after those.

    A step in which NaN or infinity arises is not taken.
    """
    number = theta.dtype.type
    W1_00, W1_01, W1_10, W1_11 = theta[0], theta[1], theta[2], theta[3]
    W2_0, W2_1 = theta[4], theta[5]
    b1_0, b1_1, b2 = theta[6], theta[7], theta[8]
    n_good = n_steps
    for k in range(n_steps):
        rate = number(plan.learning_rates[k])
        r = plan.rows[plan.bounds[k]]
        x_0, x_1, y = data.X[r, 0], data.X[r, 1], data.y[r, 0]
        # Forward: z1 = W1 @ x; z2 = W2 @ a1b; y_pred = sigmoid(z2).
        z1_0 = b1_0 + x_0 * W1_00 + x_1 * W1_10
        z1_1 = b1_1 + x_0 * W1_01 + x_1 * W1_11
        z2 = b2 + z1_0 * W2_0 + z1_1 * W2_1
        y_pred = number(logistic(float64(z2)))
        loss = log_loss(float64(y_pred), float64(y), tiny)
        losses[k] = loss
        # Backward: error = y_pred - y; d_hidden = W2[:, 1:].T * error.
        error = number(canonical_delta(float64(y_pred), float64(y), 0.0))
        d_hidden_0, d_hidden_1 = error * W2_0, error * W2_1
        # Update: W2 -= lr * error * a1b; W1 -= lr * d_hidden[:, None] @ x[None, :].
        new_W2_0, new_W2_1 = W2_0 - rate * (z1_0 * error), W2_1 - rate * (z1_1 * error)
        new_b2 = b2 - rate * error
        new_W1_00, new_W1_10 = W1_00 - rate * (x_0 * d_hidden_0), W1_10 - rate * (x_1 * d_hidden_0)
        new_W1_01, new_W1_11 = W1_01 - rate * (x_0 * d_hidden_1), W1_11 - rate * (x_1 * d_hidden_1)
        new_b1_0, new_b1_1 = b1_0 - rate * d_hidden_0, b1_1 - rate * d_hidden_1
        # v - v is 0 unless v is NaN or infinite: then it is NaN, and so is all it is added to.
        spoiled = (new_W2_0 - new_W2_0) + (new_W2_1 - new_W2_1) + (new_b2 - new_b2)
        spoiled += (new_W1_00 - new_W1_00) + (new_W1_10 - new_W1_10) + (new_b1_0 - new_b1_0)
        spoiled += (new_W1_01 - new_W1_01) + (new_W1_11 - new_W1_11) + (new_b1_1 - new_b1_1)
        spoiled += (z1_0 - z1_0) + (z1_1 - z1_1) + (z2 - z2) + (loss - loss)
        if spoiled != 0.0:
            n_good = k
            break
        W2_0, W2_1, b2 = new_W2_0, new_W2_1, new_b2
        W1_00, W1_01, W1_10, W1_11 = new_W1_00, new_W1_01, new_W1_10, new_W1_11
        b1_0, b1_1 = new_b1_0, new_b1_1
    theta[0], theta[1], theta[2], theta[3] = W1_00, W1_01, W1_10, W1_11
    theta[4], theta[5] = W2_0, W2_1
    theta[6], theta[7], theta[8] = b1_0, b1_1, b2
    return n_good

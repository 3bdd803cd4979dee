"""A training that diverges, recorded for the debugger: python examples/diverging.py."""

from sklearn.datasets import load_diabetes
from sklearn.preprocessing import scale

from retrograd import DivergenceError, MLPRegressor, Recorder

X, y = load_diabetes(return_X_y=True)  # y goes up to 346, and is not scaled
model = MLPRegressor(
    hidden_layer_sizes=(32,), solver="sgd", learning_rate_init=0.01, random_state=0
)
try:
    model.set_callbacks(Recorder("diverging.retro")).fit(scale(X), y)
except DivergenceError as error:
    print(error)

"""Going on with a run, where stopping or the learning rate has to remember what was before."""

import warnings

import numpy as np
import pytest
from recorded import fitted, recorded
from tasks import same_bits

from retrograd.estimators.recorder import Recorder
from retrograd.estimators.rewinding import open_run

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class InterruptAfter:
    """A callback that is a Ctrl-C after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.left = epochs

    def setup(self, estimator, context) -> None:
        """Do nothing."""

    def teardown(self, estimator, context) -> None:
        """Do nothing."""

    def on_fit_task_begin(self, estimator, context) -> None:
        """Do nothing."""

    def on_fit_task_end(self, estimator, context) -> bool:
        """Interrupt if it is time."""
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt
        return False


@pytest.mark.parametrize("kind", ["adam", "early stopping", "adamw, cosine", "sgd, adaptive"])
@pytest.mark.parametrize("epochs", [1, 4])
def test_resume(kind: str, epochs: int) -> None:
    """What was interrupted and resumed ends as what was not, to the last bit and count."""
    recorder = Recorder()
    whole_run, whole = recorded(kind)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fitted(kind, recorder, InterruptAfter(epochs))
        run = open_run(recorder)
        assert (run.status, len(run.epochs)) == ("interrupted", epochs)
        resumed = run.resume()
    same_bits(resumed, whole)
    np.testing.assert_array_equal(resumed._state.slots, whole._state.slots)
    for name in ("loss_curve_", "validation_scores_", "n_iter_", "t_", "best_loss_"):
        assert getattr(resumed, name) == getattr(whole, name), name
    assert (run.status, len(run), run.epochs) == ("ended", len(whole_run), whole_run.epochs)
    assert run.verify() is None
    same_bits(run.resume(), whole)  # nothing is left to do


def test_what_had_stopped_by_itself_is_trained_no_further() -> None:
    """Ctrl-C came after the last epoch, but before the fit was through."""
    whole, recorder = fitted("converged"), Recorder()
    fitted("converged", recorder, InterruptAfter(whole.n_iter_))
    run = open_run(recorder)
    assert (run.status, len(run.epochs)) == ("interrupted", whole.n_iter_)
    resumed = run.resume()  # of which there is nothing to warn
    same_bits(resumed, whole)
    assert (run.status, resumed.n_iter_) == ("ended", whole.n_iter_) < ("ended", whole.max_iter)


@pytest.mark.parametrize("epochs", [3, 5, 6])
def test_epochs_of_a_warm_up_are_no_standstill_afterwards_either(epochs: int) -> None:
    """One-cycle rises for 6 epochs of 20; no epoch improves by tol, so the eighth is the last."""
    changes = {"tol": 10.0, "n_iter_no_change": 2, "max_iter": 20}
    whole, recorder = fitted("rmsprop, one cycle", **changes), Recorder()
    fitted("rmsprop, one cycle", recorder, InterruptAfter(epochs), **changes)
    run = open_run(recorder)
    assert (run.status, len(run.epochs), whole.n_iter_) == ("interrupted", epochs, 8)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        branch = run.branch(len(run))
        resumed = run.resume()
    for model in (resumed, branch.estimator()):
        same_bits(model, whole)
        assert model.loss_curve_ == whole.loss_curve_


def test_a_branch_at_another_rate_is_as_far_in_inverse_scaling() -> None:
    """Its rate is that of the samples seen so far, from another one at first."""
    recorder = Recorder()
    fitted("sgd, invscaling", recorder, power_t=0.25)
    run = open_run(recorder)
    start = run.at(epoch=4)
    branch = run.branch(start.step, learning_rate_init=0.5)
    rates = [branch.at(epoch=epoch).learning_rate for epoch in (4, 5)]
    seen = [start.state().samples_seen, run.at(epoch=5).state().samples_seen]
    assert seen == [4 * 47, 5 * 47]
    with pytest.raises(IndexError, match="epoch 3 is not in the run, which has epochs 4 to 9"):
        branch.at(epoch=3)
    assert rates == pytest.approx([0.5 / (n + 1) ** 0.25 for n in seen], rel=1e-12)

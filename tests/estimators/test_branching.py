"""Branches: another future from any moment of a run, a run of its own."""

import numpy as np
import pytest
from recorded import KINDS, data_of, fitted, moments_theta
from tasks import same_bits

from retrograd import MLP, Recorder, first_divergence, open_run
from retrograd import trace as trace_of
from retrograd.estimators import branching

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


def test_branch_is_the_training_that_it_says() -> None:
    """With nothing changed it is the rest of its parent; it may begin anywhere in an epoch."""
    recorder = Recorder()
    model = fitted("adam", recorder)
    run = open_run(recorder)
    for at in (0, 7, 10, len(run) - 1):
        branch = run.branch(at)
        same_bits(branch.estimator(), model)
        assert len(branch) == len(run) - at
        np.testing.assert_array_equal(moments_theta(branch, 0), moments_theta(run, at))
        assert branch.verify() is None
        assert branch.at(epoch=branch.header.course["first_epoch"]).step == 0
    twig = run.branch(7).branch(11, learning_rate_init=0.001)
    assert twig.header.parent == [6, 11]
    assert twig.verify() is None
    assert twig.at(0).trace().step == 18
    # A branch's own branches count the epochs of all that came before, too.
    same_bits(run.branch(7).branch(11).estimator(), model)
    assert twig.estimator().n_iter_ == model.n_iter_


@pytest.mark.filterwarnings("ignore:Got `batch_size` 1000")
@pytest.mark.parametrize("kind", KINDS)
def test_a_branch_that_changes_nothing_is_its_parents_rest(kind: str) -> None:
    """Epochs that it begins amid are scored on all of their rows: it ends where its parent does."""
    recorder = Recorder()
    model = fitted(kind, recorder)
    run = open_run(recorder)
    for at in {0, 1, len(run) // 2, len(run) // 2 + 1, len(run) - 1}:
        branch = run.branch(at)
        again = branch.branch(min(1, len(branch) - 1))
        for one in (branch.estimator(), again.estimator()):
            same_bits(one, model)
            for name in ("loss_curve_", "validation_scores_", "best_loss_", "n_iter_"):
                assert getattr(one, name) == getattr(model, name), name
        assert branch.epochs[0][2:] == run.epochs[branch.epochs[0].epoch][2:]


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle"])
def test_a_branch_with_other_batches_is_as_far_in_its_schedule(schedule: str) -> None:
    """What counts are epochs: half of them are half of the schedule, whatever a batch has."""
    recorder = Recorder()
    fitted("adam", recorder, learning_rate=schedule, max_iter=8, batch_size=9)
    run = open_run(recorder)
    middle, later = run.at(epoch=4), run.at(epoch=5)
    for batch_size in (3, 18, 27):
        branch = run.branch(middle.step, batch_size=batch_size)
        assert later.learning_rate < branch[0].learning_rate < 1.1 * middle.learning_rate
        assert branch.at(len(branch) - 1).learning_rate < 0.3 * middle.learning_rate
        assert branch.verify() is None
        twig = branch.branch(branch.at(epoch=6).step, batch_size=9)
        for step in range(len(twig)):
            assert twig[step].learning_rate == run[run.at(epoch=6).step + step].learning_rate


@pytest.mark.parametrize("at", [0, 2, 3, 5])
def test_the_same_rate_is_the_same_training_amid_an_epoch_too(at: int) -> None:
    """An epoch has the rate of its begin, however many of its rows are behind."""
    recorder = Recorder()
    fitted("adam", recorder, learning_rate="invscaling", max_iter=6, batch_size=9)
    run = open_run(recorder)
    again = run.branch(at, learning_rate_init=run.at(0).learning_rate)
    assert first_divergence(run, again) is None
    twice = run.branch(at, learning_rate_init=2 * run.at(0).learning_rate)
    assert twice[0].learning_rate == 2 * run[at].learning_rate
    twig = twice.branch(1, power_t=0.5)
    assert first_divergence(twice, twig) is None


@pytest.mark.parametrize("solver", ["adam", "adamw"])
def test_a_branch_with_another_solver_begins_its_memory(solver: str) -> None:
    """Adam's first step is no larger than its rate, however late in the training it comes."""
    recorder = Recorder()
    fitted("sgd, invscaling", recorder)
    run = open_run(recorder)
    branch = run.branch(len(run) // 2, solver=solver)
    trace = branch[0].trace()
    assert not trace.slots.any()
    assert (trace.step, trace.n_updates) == (len(run) // 2, 1)
    moved = np.abs(trace.update).max()
    assert 0.9 * trace.learning_rate < moved <= trace.learning_rate * (1 + 1e-9)
    assert branch[2].trace().n_updates == 3
    assert branch.verify() is None
    # Its own branches, and what is trained on from it, keep both memory and count.
    twig = branch.branch(2)
    assert twig[0].trace().n_updates == 3
    same_bits(twig.estimator(), branch.estimator())
    model = branch.estimator()
    assert trace_of(model, *data_of("multilabel")).n_updates == len(branch) + 1


def test_a_branch_that_is_broken_off_amid_its_first_epoch() -> None:
    """Resumed, it knows the epoch's earlier losses."""
    recorder = Recorder()
    model = fitted("sgd, adaptive", recorder)
    run = open_run(recorder)

    def stop() -> None:
        raise KeyboardInterrupt

    number, train = branching.begin(run, 4, {}, on_steps=stop)
    with pytest.warns(UserWarning, match="interrupted"):
        train()
    branch = open_run(recorder, number)
    assert branch.status == "interrupted"
    assert len(branch.epochs) == 0
    assert branch.resume().loss_curve_ == model.loss_curve_


def test_branches_that_change_something() -> None:
    """Optimizer, batches, activation: what a branch can change, and what it cannot."""
    recorder = Recorder()
    fitted("adam", recorder)
    run = open_run(recorder)
    for changes in (
        {"solver": "sgd", "momentum": 0.5}, {"batch_size": 7}, {"activation": "tanh"},
        {"alpha": 1.0}, {"max_iter": 12}, {"learning_rate": "cosine"}, {"beta_1": 0.5},
    ):  # fmt: skip
        branch = run.branch(12, **changes)
        assert branch.status == "ended"
        assert branch.verify() is None
        assert (moments_theta(branch, len(branch)) != moments_theta(run, len(run))).any()
        assert branch.estimator().get_params().items() >= changes.items()
    with pytest.raises(ValueError, match="goes on with the same network and rows: loss"):
        open_run(_recorded_regression()).branch(3, loss="huber")
    for seed in (None, np.random.RandomState(3)):
        with pytest.raises(ValueError, match="random_state must be a whole number"):
            run.branch(10, random_state=seed)
    with pytest.raises(TypeError, match="edit is a dict such as"):
        run.branch(10, edit="coefs[0][0, 0]=1")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="unknown parameter 'lr'"):
        run.branch(3, lr=1.0)
    with pytest.raises(ValueError, match="learning_rate_init"):
        run.branch(3, learning_rate_init=-1.0)
    with pytest.raises(ValueError, match="lbfgs takes no steps"):
        run.branch(3, solver="lbfgs")
    with pytest.raises(ValueError, match="from its begin, step 10"):
        run.branch(12, random_state=5)
    with pytest.raises(ValueError, match="a larger max_iter"):
        run.branch(len(run))
    with pytest.raises(IndexError, match="has steps 0 to"):
        run.branch(len(run) + 1)
    assert run.branch(10, random_state=5).status == "ended"


def _recorded_regression() -> Recorder:
    recorder = Recorder()
    fitted("full batch", recorder)
    return recorder


def test_a_branch_of_the_notebooks_run_keeps_its_facts() -> None:
    """As that of any other."""
    recorder = Recorder(facts={"who": "me", "n": np.int64(3)})
    np.random.seed(0)
    MLP(2, epochs=2).fit(np.eye(2), np.array([0, 1]), recorder)
    run = open_run(recorder)
    assert run.branch(1, lr=0.5).facts == run.facts == {"who": "me", "n": 3}


def test_a_notebooks_branch_that_diverges() -> None:
    """Its record tells so; that it does is no error."""
    recorder = Recorder()
    np.random.seed(0)
    MLP(2, epochs=2).fit(np.array([[-1.0, 1], [1, 0.5]]), np.array([0, 1]), recorder)
    with pytest.warns(UserWarning, match="the branch diverged, too"):
        branch = open_run(recorder).branch(1, lr=-10.0, epochs=1000)
    assert branch.status == "diverged"

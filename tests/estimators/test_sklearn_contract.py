"""scikit-learn's own checks, and every name, default, tag and attribute of its estimators."""

import inspect

import numpy as np
import pytest
from sklearn.utils import get_tags
from sklearn.utils.estimator_checks import parametrize_with_checks
from tasks import make_task, pair

KINDS = {"MLPClassifier": "multiclass", "MLPRegressor": "regression"}
both_kinds = pytest.mark.parametrize("task", KINDS.values(), ids=KINDS)


@pytest.mark.compiled
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.UndefinedMetricWarning")
@pytest.mark.filterwarnings("ignore:A column-vector y was passed")
@parametrize_with_checks([pair(task)[0] for task in KINDS.values()])
def test_scikit_learns_checks(estimator, check):
    """All of check_estimator's, and none is expected to fail."""
    check(estimator)


@both_kinds
def test_parameters(task):
    """Same names, order, defaults and kinds; ours has a few more at the end, by keyword only."""
    mine, reference = (list(inspect.signature(type(m)).parameters.values()) for m in pair(task))
    strip = [(p.name, p.default, p.kind) for p in mine]
    assert strip[: len(reference)] == [(p.name, p.default, p.kind) for p in reference]
    added = mine[len(reference) :]
    assert added
    assert all(parameter.kind is inspect.Parameter.KEYWORD_ONLY for parameter in added)


@both_kinds
def test_methods(task):
    """Every public method is there, with the same parameters in the same order."""
    mine, reference = map(type, pair(task))
    for name in filter(lambda name: not name.startswith("_"), dir(reference)):
        assert hasattr(mine, name), name
        other = inspect.unwrap(getattr(reference, name))
        if inspect.isfunction(other) and not name.startswith("set_"):
            ours = inspect.signature(inspect.unwrap(getattr(mine, name))).parameters
            theirs = inspect.signature(other).parameters
            assert [*ours] == [*theirs], name
            assert [p.default for p in ours.values()] == [p.default for p in theirs.values()], name


@both_kinds
def test_tags(task):
    """What scikit-learn's machinery is told about an estimator."""
    mine, reference = map(get_tags, pair(task))
    assert mine == reference


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@both_kinds
def test_fitted_attributes(task, solver, early_stopping):
    """The same fitted attributes, of the same types, and no public one more."""
    if solver == "lbfgs" and early_stopping:
        pytest.skip("lbfgs has no epochs")
    X, y = make_task(task)
    ours, reference = pair(task, max_iter=3, solver=solver, early_stopping=early_stopping)
    fitted = [
        {k: v for k, v in vars(m.fit(X, y)).items() if k.endswith("_") and k[0] != "_"}
        for m in (ours, reference)
    ]
    assert fitted[0].keys() == fitted[1].keys()
    for name, value in fitted[1].items():
        assert isinstance(fitted[0][name], type(value)) or isinstance(value, np.number), name


@both_kinds
def test_metadata_requests(task):
    """Only what fit, partial_fit and score take can be requested, as in scikit-learn."""
    ours, reference = (m.get_metadata_routing() for m in pair(task))
    for method in ("fit", "partial_fit", "score", "predict"):
        assert getattr(ours, method).requests == getattr(reference, method).requests


@both_kinds
def test_representation_and_parameters(task):
    """The usual ways to look at an estimator and to change it."""
    ours, reference = pair(task, alpha=0.5, hidden_layer_sizes=(3, 2))
    assert repr(ours) == repr(reference)
    assert ours.set_params(alpha=1.0, activation="tanh").get_params()["alpha"] == 1.0
    assert type(ours).__name__ in ours._repr_html_()
    with pytest.raises(ValueError, match="Invalid parameter 'momentom'"):
        ours.set_params(momentom=0.5)

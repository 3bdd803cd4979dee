"""Numbers of one thing in two places of the page, or on the page and elsewhere, are the same."""

import numpy as np
import pytest

from retrograd import MLPClassifier, MLPRegressor, Recorder, open_runs
from retrograd.faces.page.answers import replayed
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import Viewer

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
RNG = np.random.default_rng(5)
X = RNG.normal(size=(200, 3))
Y = X[:, 0] + RNG.normal(size=200)
WEIGHT = np.where(Y > 0, 20.0, 1.0)


def viewer_of(model, y: np.ndarray, weight: np.ndarray | None = None) -> Viewer:
    """Of the model's recorded training."""
    recorder = Recorder()
    model.set_callbacks(recorder).fit(X, y, sample_weight=weight)
    return Viewer(open_runs(recorder), ANSWERS)


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_rows_weigh_as_much_as_in_training(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    """The score on the validation rows is the training's; so are the curve and what is beside."""
    monkeypatch.setattr(replayed, "BUDGET", np.inf)
    model = kind(
        hidden_layer_sizes=(6,), early_stopping=True, max_iter=6, random_state=0, batch_size=32
    )
    viewer = viewer_of(model, (Y > 0).astype(int) if kind is MLPClassifier else Y, WEIGHT)
    run = viewer.run(1)
    asked = {"run": 1, "on": "validation", "tab": "worst", "f0": 0, "f1": 1, "target": 0}
    curves = None
    while curves is None or curves["more"]:
        curves = viewer.answer(
            "timeline", {"run": 1, "begin": 0, "end": len(run), "bins": 999, "patient": True}
        )
    losses = curves["validation_loss"]
    curve = dict(zip(losses["steps"].tolist(), losses["mean"], strict=True))
    for epoch in run.epochs:
        found = viewer.answer("outcome", asked | {"step": epoch.step, "patient": True})
        assert found["weighted"]
        assert found["score"] == pytest.approx(epoch.score, abs=1e-12)
        assert found["loss"] == pytest.approx(curve[epoch.step], rel=1e-12)
        sides = viewer.answer(
            "compare", {"run": 1, "step": epoch.step, "other": 1, "other_step": 0,
                        "on": "validation", "patient": True},
        )["sides"]  # fmt: skip
        assert [sides[0][name] for name in ("loss", "score")] == [found["loss"], found["score"]]


def test_a_weights_numbers_add_up() -> None:
    """AdamW's decay is apart from its update, and both lead to what comes then."""
    model = MLPClassifier((4,), solver="adamw", alpha=1.0, max_iter=3, random_state=0)
    viewer = viewer_of(model, (Y > 0).astype(int))
    told = viewer.answer("link", {"run": 1, "step": 2, "layer": 0, "i": 1, "o": 3})
    assert told["decay"][0] != 0.0
    whole = told["weight"] + told["decay"] + told["update"]
    assert whole == pytest.approx(told["after"], rel=1e-15)


def test_a_sure_output_is_no_saturated_unit() -> None:
    """Its slope cancels against the loss's; that of a hidden unit does not."""
    model = MLPClassifier((3,), activation="logistic", max_iter=1, random_state=0)
    viewer = viewer_of(model, (Y > 0).astype(int))
    edit = {"intercepts[0][1]": 20.0, "intercepts[1][0]": 20.0}
    viewer.run(1).branch(at=0, edit=edit)
    hidden, output = viewer.answer("moment", {"run": 2, "step": 0})["layers"]
    assert hidden["saturated"].tolist() == [False, True, False]
    assert "saturated" not in output
    unit = {"run": 2, "step": 0, "layer": 1, "unit": 0, "f0": 0, "f1": 1}
    assert not viewer.answer("unit", unit)["saturated"]
    assert viewer.answer("unit", unit | {"layer": 0, "unit": 1})["saturated"]

"""What the step and Why are told in, without a browser: formulas, shapes, shares."""

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from problems import OPTIMIZERS, PAIRS
from retrograd.estimators.rewinding import open_run, open_runs
from retrograd.faces.page.answers.step import mathml, what_of
from retrograd.faces.page.answers.table import ANSWERS
from retrograd.faces.page.viewer import QuestionError, Viewer
from retrograd.maths.activations import ACTIVATIONS
from retrograd.rewind.trace import Trace
from walks import CASES, LOGISTIC, make_trace, weightless_trace

TOKENS = {"mi", "mn", "mo", "mtext", "mspace"}


@pytest.fixture
def viewer(recorded: dict[str, Path]) -> Viewer:
    """Of the spiral's run."""
    return Viewer(open_runs(recorded["spiral"]), ANSWERS)


def traces() -> dict[str, Trace]:
    """One of each activation, each loss with one output and several, each solver."""
    made = {name: make_trace((3, 4, 1), name, LOGISTIC) for name in ACTIVATIONS}
    for loss, output in PAIRS:
        for n_out in {3} if output == "softmax" else {1, 3}:
            for weights in (False, True):
                made[f"{loss}, {output}, {n_out}, {weights}"] = make_trace(
                    (3, 4, 5, n_out), "tanh", (loss, output), weights=weights
                )
    made |= {name: make_trace((3, 4, 1), "relu", LOGISTIC, optimizer=name) for name in OPTIMIZERS}
    made["weightless"] = weightless_trace("adam")
    return made | {name: make() for name, make in CASES.items()}


def faults_of(markup: str) -> list[str]:
    """What is wrong with a piece of MathML: TeX that was not understood stays in it as text."""
    root = ElementTree.fromstring(markup)
    bare = [re.sub(r"\{.*\}", "", node.tag) for node in root.iter()]
    faults = [] if bare[0] == "math" else ["no math"]
    for node, tag in zip(root.iter(), bare, strict=True):
        text = (node.text or "").strip()
        if "\\" in text or ("{" in text and tag != "mo") or "&" in text:
            faults.append(f"<{tag}>{text}")
        if text and tag not in TOKENS:
            faults.append(f"text {text} in <{tag}>")
        children = {"mfrac": 2, "msub": 2, "msup": 2, "msubsup": 3, "mover": 2, "munder": 2}
        if tag in children and len(node) != children[tag]:
            faults.append(f"<{tag}> of {len(node)}")
    return faults


def test_every_formula_is_mathml() -> None:
    """Of every activation, loss and solver, each line's symbol and formula."""
    seen = set()
    for name, trace in traces().items():
        for section in trace.document().sections:
            for line in section.lines:
                for formula in filter(None, (line.symbol, line.formula)):
                    if formula.latex:
                        assert faults_of(mathml(formula)) == [], (name, formula)
                        seen.add(formula)
    assert len(seen) > 150


@pytest.mark.parametrize(
    "markup",
    ["<math><mi>\\foo</mi></math>", "<math><mfrac><mi>a</mi></mfrac></math>", "<mi>a</mi>"],
)
def test_bad_mathml_would_be_found(markup: str) -> None:
    """So the test above says something."""
    assert faults_of(markup)


def test_every_array_is_known_for_what_it_is_of() -> None:
    """By its shape: rows are B, weights (I, O), biases (O,)."""
    for trace in traces().values():
        for section in trace.document().sections:
            for line in section.lines:
                shape, of = getattr(line.value, "shape", None), what_of(line.symbol.text)
                if shape is None or line.symbol.text in ("W_all", "b_all"):
                    continue
                assert of is not None, line.symbol
                if of["kind"] == "rows":
                    assert shape[0] == trace.rows.size
                else:
                    W = trace.layers[of["layer"]].W
                    assert shape == (W.shape if of["kind"] == "weights" else W.shape[1:])


def test_only_the_open_phase_has_lines(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """With the trace's own arrays; a phase that is none opens the first that computes."""
    trace = open_run(recorded["spiral"]).at(7).trace()
    told = viewer.answer("step", {"run": 1, "step": 7, "opened": "update[1]"})
    assert [one["key"] for one in told["sections"]] == [s.key for s in trace.document().sections]
    assert [one["key"] for one in told["sections"] if one["lines"]] == ["update[1]"]
    lines = [line for one in told["sections"] for line in one["lines"]]
    arrays = {line["symbol"]: line["array"]["values"] for line in lines}
    assert arrays["W_update[1]"].tobytes() == trace.layers[1].W_update.tobytes()
    assert arrays["b_after[1]"].tobytes() == trace.layers[1].b_after.tobytes()
    assert told["rows"].tolist() == trace.rows.tolist()
    assert viewer.answer("step", {"run": 1, "step": 7, "opened": "<x>"})["opened"] == "forward[0]"


def test_a_window_of_an_array(viewer: Viewer, recorded: dict[str, Path]) -> None:
    """As it is asked for; what lies outside is not there."""
    z = open_run(recorded["spiral"]).at(7).trace().layers[0].z
    asked = {"run": 1, "step": 7, "section": "forward[0]", "line": 3, "row": 28, "column": 2}
    found = viewer.answer("array", asked | {"rows": 5, "columns": 3})["values"]
    np.testing.assert_array_equal(found, z[28:33, 2:5])
    assert found.shape == (2, 3)
    assert viewer.answer("array", asked | {"rows": -1, "columns": 3})["values"].shape == (0, 3)


def test_where_no_step_was_taken(viewer: Viewer) -> None:
    """There are no sections, nothing moved, and beyond it is nothing at all."""
    end = {"run": 1, "step": 400}
    assert viewer.answer("step", end | {"opened": ""})["sections"] == []
    for name, more in (("why", {"layer": 0, "i": 0, "o": 0}), ("notebook", {})):
        with pytest.raises(QuestionError, match="no step was taken"):
            viewer.answer(name, end | more)
    with pytest.raises(IndexError, match="step 401 is not in the run"):
        viewer.answer("step", {"run": 1, "step": 401, "opened": ""})


@pytest.mark.parametrize(("layer", "i", "o"), [(0, 1, 3), (1, -1, 2), (2, 3, 0)])
def test_why_sums_to_the_update(
    viewer: Viewer, recorded: dict[str, Path], layer: int, i: int, o: int
) -> None:
    """And its numbers are those of ``run.why``."""
    told = viewer.answer("why", {"run": 1, "step": 9, "layer": layer, "i": i, "o": o})
    found = open_run(recorded["spiral"]).why(layer, None if i < 0 else i, o, 9)
    assert (told["name"], told["before"], told["after"]) == (found.name, found.before, found.after)
    assert told["rows"].tolist() == found.rows[:10].tolist()
    assert told["shares"].tolist() == found.shares[:10].tolist()
    assert told["rows"].size + told["others"] + told["idle"] == 30
    total = told["shares"].sum() + told["others_share"]
    total += told["momentum"] + told["penalty"] + told["rounding"]
    assert total == pytest.approx(told["update"], rel=1e-12)


@pytest.mark.parametrize(
    ("layer", "i", "o", "says"),
    [(9, 0, 0, "3 layers"), (0, 9, 0, "2 inputs"), (0, 0, 9, "8 units"), (-1, 0, 0, "from 0"),
     (0, -2, 0, "from 0"), (0, 0, -1, "from 0")],
)  # fmt: skip
def test_a_weight_that_there_is_not(viewer: Viewer, layer: int, i: int, o: int, says: str) -> None:
    """Is told so, whichever number is wrong."""
    with pytest.raises((IndexError, QuestionError), match=says):
        viewer.answer("why", {"run": 1, "step": 9, "layer": layer, "i": i, "o": o})

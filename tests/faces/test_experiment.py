"""One training on one table: the split, the network chosen, the advice drawn."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from retrograd.export.container import ModelFileError
from retrograd.faces.advice import advise
from retrograd.faces.experiment import Options, build_network, fit, prepare, split_rows
from retrograd.faces.modelcard import describe, target_of
from retrograd.tables.errors import TableError
from retrograd.tables.task import pose


def test_split_keeps_the_shares_of_classes_and_loses_no_row():
    y = np.array(["a"] * 80 + ["b"] * 20)
    train, test, notes = split_rows(y, "classification", 0.25, seed=1)
    assert sorted([*train, *test]) == list(range(100))
    assert (y[test] == "b").sum() == 5
    assert notes == []
    again, *_ = split_rows(y, "classification", 0.25, seed=1)
    other, *_ = split_rows(y, "classification", 0.25, seed=2)
    assert np.array_equal(train, again)
    assert not np.array_equal(train, other)


def test_split_keeps_lonely_classes_in_training():
    y = np.array(["a"] * 10 + ["b"] * 10 + ["c"])
    train, _, notes = split_rows(y, "classification", 0.2, seed=0)
    assert 20 in train
    assert notes == ["1 class of one row only: kept in training"]


def test_lonely_classes_do_not_keep_the_others_from_their_shares():
    y = np.array([*"ab" * 10, *"cdefg"])
    _, test, notes = split_rows(y, "classification", 0.2, seed=0)
    assert sorted(y[test]) == ["a", "a", "b", "b"]
    assert notes == ["5 classes of one row only: kept in training"]


def test_split_of_too_many_classes_is_random_and_says_so():
    y = np.repeat(np.arange(8), 2)
    train, test, notes = split_rows(y, "classification", 0.2, seed=0)
    assert len(train) + len(test) == 16
    assert "the split is random" in notes[0]


@pytest.mark.parametrize("test_size", [0.01, 0.99])
def test_split_needs_two_rows_on_each_side(test_size):
    with pytest.raises(TableError, match="splits 20 rows badly"):
        split_rows(np.arange(20.0), "regression", test_size, seed=0)


def experiment(rows, classes, options):
    rng = np.random.default_rng(0)
    y = rng.permutation(np.arange(rows) % classes) if classes else rng.normal(size=rows)
    frame = pl.DataFrame({"x": rng.normal(size=rows), "y": y})
    return prepare(pose(frame, "y"), options)


@pytest.mark.parametrize("slip", ["1,5", "12,5x"])
def test_a_slip_in_a_column_of_numbers_has_the_same_fate_for_every_seed(slip):
    """Whether it is among the rows to learn from or among those held out."""
    numbers = np.random.default_rng(0).normal(size=48)
    cells = [str(x) for x in numbers]
    cells[17] = slip
    problem = pose(pl.DataFrame({"x": cells, "z": numbers, "t": numbers}), "t")
    assert problem.notes == [
        f"column 'x' is taken for text: '{slip}' in row 17 (counting from 0) is no number, "
        "47 others are"
    ]
    parts = set()
    for seed in range(8):
        prepared = prepare(problem, Options(seed=seed))
        parts.add(17 in prepared.test)
        assert [column.kind for column in prepared.encoder.columns_] == ["ignored", "number"]
    assert parts == {True, False}


def test_what_is_learned_of_a_column_is_learned_from_the_training_rows():
    frame = pl.DataFrame(
        {"x": np.arange(40.0), "c": [*"ab" * 10, *"cdefghijklmnopqrstuv"], "t": [0.5, 1.5] * 20}
    )
    prepared = prepare(pose(frame, "t"), Options())
    x, c = prepared.encoder.columns_
    assert x.centre == np.median(prepared.train)
    seen = {frame["c"][int(row)] for row in prepared.train}
    assert {*c.categories, *c.rare} == seen != {*frame["c"]}


@pytest.mark.parametrize(
    ("rows", "classes", "solver", "validates", "batch"),
    [
        (100, 0, "adam", False, 16),
        (248, 0, "adam", False, 16),
        (250, 0, "adam", True, 16),
        (400, 0, "adam", True, 16),
        (400, 3, "adam", False, 16),
        (4000, 3, "adam", True, 128),
        (4000, 3, "lbfgs", False, 128),
        (20000, 0, "sgd", True, 256),
    ],
)
def test_choices_follow_the_rows(rows, classes, solver, validates, batch):
    options = Options(solver=solver)
    network = build_network(experiment(rows, classes, options), options)
    assert network.early_stopping is validates
    assert network.batch_size == batch
    assert network.learning_rate_init == (0.01 if solver == "sgd" else 0.001)
    chosen = Options(batch=7, lr=0.5)
    network = build_network(experiment(rows, classes, chosen), chosen)
    assert (network.batch_size, network.learning_rate_init) == (7, 0.5)


@pytest.mark.parametrize(("classes", "validates"), [(256, True), (257, False)])
def test_with_more_classes_than_rows_to_validate_on_none_are_set_aside(classes, validates):
    """A tenth of 2,560 rows are 256."""
    y = np.array([f"c{k % classes}" for k in range(3200)])
    prepared = prepare(pose(pl.DataFrame({"x": np.arange(3200.0), "y": y}), "y"), Options())
    assert len(prepared.train) == 2560
    assert build_network(prepared, Options()).early_stopping is validates


def test_that_all_epochs_were_used_is_told_once():
    options = Options(hidden=(3,), epochs=2)
    prepared = experiment(100, 0, options)
    fitted = fit(prepared, build_network(prepared, options), None)
    assert (fitted.ended, fitted.notes) == ("epochs", [])


def test_a_divergence_in_the_last_epoch_is_told_like_any_other():
    """The best epoch is kept; that all epochs were used is not what ended it."""
    prepared = experiment(400, 0, Options())
    options = Options(hidden=(), solver="sgd", lr=3.0, epochs=200)
    long = fit(prepared, build_network(prepared, options), None)
    assert long.ended == "diverged"
    n = long.network.n_iter_
    short = fit(prepared, build_network(prepared, replace(options, epochs=n)), None)
    assert (short.ended, short.network.n_iter_, short.notes) == ("diverged", n, long.notes)
    assert "The parameters with the best validation score are kept." in short.notes[0]


def test_an_lbfgs_that_gives_up_has_neither_diverged_nor_used_all_epochs():
    options = Options(solver="lbfgs", epochs=200)
    prepared = experiment(400, 0, options)
    network = build_network(prepared, options).set_params(max_fun=3)
    fitted = fit(prepared, network, None)
    assert fitted.ended == "stopped"
    assert "raise max_iter or max_fun" in fitted.notes[0]


def report(held_out, training, linear, ended="converged", rows=5000):
    return {
        "scores": [
            {"model": "network", "R2": held_out, "training": training},
            {"model": "ridge regression", "R2": linear},
            {"model": "always 1 (mean)", "R2": 0.0},
        ],
        "options": {"alpha": 0.001, "epochs": 50, "hidden": [8, 4]},
        "training": {"ended": ended},
        "rows": {"test": rows},
    }


@pytest.mark.parametrize(
    ("facts", "advice"),
    [
        (report(0.5, 0.95, 0.1), ["--alpha 0.1"]),
        (report(0.5, 0.55, 0.1), ["--hidden 16,8"]),
        (report(0.5, 0.55, 0.1, "diverged"), []),
        (report(0.9, 0.92, 0.1, "epochs"), ["--epochs 150"]),
        # What has learned little yet has not learned it by heart.
        (report(0.1, 0.4, 0.05, "epochs"), ["--epochs 150"]),
        (report(0.5, 0.95, 0.1, "epochs"), ["--alpha 0.1", "--epochs 150"]),
        (report(0.9, 0.92, 0.95), ["ridge regression does no worse"]),
        (report(0.9, 0.92, 0.9), ["ridge regression does no worse"]),
        (report(-0.1, 0.2, -0.1), ["no better than a constant"]),
        (report(0.0, 0.2, -0.1), ["no better than a constant"]),
        (report(0.9, 0.92, 0.1), []),
        (report(0.9, 0.92, 0.1, rows=50), []),
    ],
)
def test_advice_follows_the_results(facts, advice):
    lines = advise(facts)
    assert len(lines) == len(advice)
    for line, piece in zip(lines, advice, strict=True):
        assert piece in line


def test_few_held_out_rows_are_said_to_say_little():
    facts = report(0.95, 0.96, 0.9, rows=50)
    for scores in facts["scores"]:
        scores["accuracy"] = scores.pop("R2")
    assert "50 held-out rows tell the accuracy to about ±8 %" in advise(facts)[0]


def test_a_gap_within_chance_is_no_overfitting():
    def of_accuracy(rows):
        facts = report(0.9, 1.0, 0.5, rows=rows)
        for scores in facts["scores"]:
            scores["accuracy"] = scores.pop("R2")
        return advise(facts)

    assert "by heart" in of_accuracy(500)[0]  # about ±3 %
    assert "by heart" not in " ".join(of_accuracy(20))  # about ±14 %


@pytest.mark.parametrize(
    "model",
    [
        {"class": "X", "state": 5},
        {"class": "X", "widths": [1, "a"]},
        {"class": "X", "widths": 5},
        {"class": "X", "widths": [2, 1], "parameters": [1]},
        {"class": "X", "widths": [2, 1], "classes": {"labels": 5}},
        {"class": "X", "state": {"columns": [5]}},
        {"class": "X", "state": {"columns": [{"kind": "category", "categories": 5}]}},
        {"class": "Pipeline", "steps": [5]},
        {"widths": [1]},
    ],
)
def test_a_file_that_describes_no_model_is_refused_in_one_line(model):
    with pytest.raises(ModelFileError, match=r"^the file describes no model \(.*\)$"):
        describe({"model": model})


def test_a_model_card_takes_nothing_for_granted():
    assert describe({}) == {"model": [("parts", "")]}
    facts = {"by": "hand", "target": "species", "scores": 0.93, "rows": [1, 2], "step": None}
    told = describe({"model": 3, "facts": facts})["training"]
    assert sorted(told) == sorted((key, str(value)) for key, value in facts.items())
    assert target_of({"facts": facts}) is target_of({"facts": [1]}) is target_of({}) is None

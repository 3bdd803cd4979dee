"""Model files: what comes back predicts the same bits, and a forged file is refused."""

import copy
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import scipy.sparse
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import TransformedTargetRegressor
from sklearn.decomposition import PCA
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from retrograd.estimators.classifier import MLPClassifier
from retrograd.estimators.notebook import MLP
from retrograd.estimators.regressor import MLPRegressor
from retrograd.export.container import ModelFileError, read_container, write_container
from retrograd.export.model_file import load_model, read_facts, save_model
from retrograd.tables.encoder import TableEncoder

PENGUINS = Path(__file__).parents[2] / "examples" / "penguins.csv"
STEPS = {"TableEncoder": TableEncoder}
RNG = np.random.default_rng(0)
X = RNG.normal(size=(30, 3))
FEW = dict(hidden_layer_sizes=(4,), max_iter=3, random_state=0)


def fitted(model, features, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, y)


def again(model, path, **options):
    save_model(model, path, **options)
    return load_model(path, **options)


LABELS = {
    "text": np.array(["cat", "dog", "eel"]),
    "objects": np.array(["cat", "dog", "eel"], dtype=object),
    "whole": np.array([-1, 3, 7]),
    "small": np.array([0, 1, 2], dtype=np.uint8),
    "floats": np.array([1.0, 2.0, 4.0]),
    "two": np.array(["no", "yes"]),
    "dates": np.array(["2020-01-01", "2021-06-30"], dtype="datetime64[D]"),
    "durations": np.array([1, 90], dtype="timedelta64[s]"),
    "booleans": np.array([False, True]),
}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("labels", LABELS)
def test_classifier(tmp_path, labels, dtype):
    classes = LABELS[labels]
    y = classes[np.arange(30) % len(classes)]
    model = fitted(MLPClassifier(**FEW), X.astype(dtype), y)
    loaded = again(model, tmp_path / "m.safetensors")
    assert loaded.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(loaded.predict(X.astype(dtype)), model.predict(X.astype(dtype)))
    proba, expected = (m.predict_proba(X.astype(dtype)) for m in (loaded, model))
    assert proba.dtype == expected.dtype
    np.testing.assert_array_equal(proba, expected)


@pytest.mark.parametrize(
    "parameters",
    [
        dict(hidden_layer_sizes=()),
        dict(hidden_layer_sizes=7),
        dict(hidden_layer_sizes=[4, 3], activation=["tanh", "swish"]),
        dict(solver="lbfgs"),
        dict(early_stopping=True, n_iter_no_change=np.inf),
        dict(loss="poisson"),
        dict(loss="quantile", quantile=0.9),
        dict(random_state=np.random.RandomState(0)),
        dict(alpha=np.float32(0.25), solver="sgd", learning_rate="adaptive"),
    ],
    ids=str,
)
def test_regressor(tmp_path, parameters):
    y = np.exp(X[:, 0])
    model = fitted(MLPRegressor(**{**FEW, **parameters}), X, y)
    loaded = again(model, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    expected = model.get_params() | {"random_state": None}
    assert loaded.get_params() | {"random_state": None} == expected
    for name in ("n_iter_", "t_", "loss_", "out_activation_", "n_layers_", "n_outputs_",
                 "n_features_in_", "best_loss_", "validation_scores_",
                 "best_validation_score_"):  # fmt: skip
        assert getattr(loaded, name, "missing") == getattr(model, name, "missing"), name
    assert list(getattr(loaded, "loss_curve_", None) or []) == list(
        getattr(model, "loss_curve_", None) or []
    )


def test_several_outputs_and_labels(tmp_path):
    path = tmp_path / "m.safetensors"
    for model, y in (
        (MLPRegressor(**FEW), X[:, :2]),
        (MLPClassifier(**FEW), (X > 0).astype(int)),
    ):
        fitted(model, X, y)
        np.testing.assert_array_equal(again(model, path).predict(X), model.predict(X))


def test_table_pipelines(tmp_path):
    frame = pl.read_csv(PENGUINS, null_values="NA").drop_nulls("body_mass_g")
    path = tmp_path / "m.safetensors"
    mass, frame = frame["body_mass_g"].to_numpy(), frame.drop("body_mass_g")
    regressor = TransformedTargetRegressor(MLPRegressor(**FEW), transformer=StandardScaler())
    for final, y in ((regressor, mass), (MLPClassifier(**FEW), frame["species"].to_numpy())):
        model = fitted(Pipeline([("table", TableEncoder()), ("network", final)]), frame, y)
        loaded = again(model, path, steps=STEPS)
        np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
        assert [name for name, _ in loaded.steps] == ["table", "network"]
        # What was loaded can be saved, trained and loaded again.
        assert np.array_equal(again(loaded, path, steps=STEPS).predict(frame), model.predict(frame))
        fitted(loaded, frame, y)
    with pytest.raises(ModelFileError, match="part of unknown class 'TableEncoder'"):
        load_model(path)


def test_other_shapes_of_models(tmp_path):
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    path = tmp_path / "m.safetensors"
    scaled = make_pipeline(StandardScaler(), MLPRegressor(**FEW))
    fitted(scaled.set_output(transform="polars"), frame, X[:, 2])
    loaded = again(scaled, path)
    np.testing.assert_array_equal(loaded.predict(frame), scaled.predict(frame))
    assert loaded[-1].feature_names_in_.tolist() == ["a", "b"]


def test_what_a_file_cannot_hold_is_named(tmp_path):
    path = tmp_path / "m.safetensors"
    network = fitted(MLPRegressor(**FEW), X, X[:, 0])
    functions = TransformedTargetRegressor(MLPRegressor(**FEW), func=np.log, inverse_func=np.exp)
    for model, message in (
        (MLPRegressor(), "MLPRegressor is not fitted"),
        (Ridge().fit(X, X[:, 0]), "cannot hold Ridge"),
        ("a text", "cannot hold str"),
        (fitted(functions, X, np.exp(X[:, 0])), "functions cannot be written"),
        (fitted(make_pipeline(PCA(2), MLPRegressor(**FEW)), X, X[:, 0]), "cannot hold PCA"),
    ):
        with pytest.raises(ModelFileError, match=message):
            save_model(model, path)
    for facts in ({"f": object()}, {"f": float("nan")}):
        with pytest.raises(ModelFileError, match="cannot be written as JSON"):
            save_model(network, path, facts=facts)
    assert not path.exists()


def test_facts_and_versions_are_there(tmp_path):
    path = tmp_path / "m.safetensors"
    save_model(fitted(MLPRegressor(**FEW), X, X[:, 0]), path, facts={"rows": 30})
    document = read_facts(path)
    assert document["facts"] == {"rows": 30}
    assert document["versions"]["numpy"] == np.__version__


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Tensors and document of a good file with one part of every kind."""
    frame = pl.DataFrame({"x": X[:, 0], "c": ["u", "v", "w"] * 10})
    regressor = TransformedTargetRegressor(MLPRegressor(**FEW), transformer=StandardScaler())
    model = fitted(Pipeline([("t", TableEncoder()), ("n", regressor)]), frame, X[:, 1])
    path = tmp_path_factory.mktemp("forged") / "m.safetensors"
    save_model(model, path, steps=STEPS)
    return *read_container(path), path


def network_of(document):
    return document["model"]["steps"][1][1]["regressor"]


FORGERIES = {
    "no model": (lambda d, t: d.pop("model"), "'model' is missing"),
    "class": (lambda d, t: d["model"].update({"class": "os.system"}), "unknown class 'os.system'"),
    "nested class": (lambda d, t: network_of(d).update({"class": "Ridge"}), "unknown class"),
    "scaler for network": (
        lambda d, t: d["model"]["steps"][1][1].update(
            regressor=d["model"]["steps"][1][1]["target"]
        ),
        "missing|needs",
    ),
    "no steps": (lambda d, t: d["model"].update(steps=[]), "."),
    "twice": (lambda d, t: d["model"]["steps"].append(d["model"]["steps"][1]), "is missing"),
    "order": (lambda d, t: d["model"]["steps"].reverse(), "."),
    "widths": (lambda d, t: network_of(d).update(widths=[4, 5, 1]), "shape"),
    "negative": (lambda d, t: network_of(d).update(widths=[4, -4, 1]), "widths"),
    "input": (lambda d, t: network_of(d).update(widths=[9, 4, 1]), "shape"),
    "output": (lambda d, t: network_of(d).update(output="softmax"), "no output 'softmax'"),
    "activation": (lambda d, t: network_of(d)["parameters"].update(activation="x"), "activation"),
    "activations": (
        lambda d, t: network_of(d).update(activations=["relu", "relu"]),
        "activation",
    ),
    "solver": (lambda d, t: network_of(d)["parameters"].update(solver=3), "solver"),
    "parameter": (lambda d, t: network_of(d)["parameters"].update(evil=1), "'evil'"),
    "parameter kind": (lambda d, t: network_of(d)["parameters"].update(tol={"x": 1}), "plain"),
    "epochs": (lambda d, t: network_of(d).update(epochs=True), "'epochs'"),
    "names": (lambda d, t: network_of(d).update(feature_names=["a"]), "1 names for"),
    "missing tensor": (lambda d, t: t.pop("n.regressor.weights.0"), "weights.0' is missing"),
    "extra tensor": (lambda d, t: t.update(zzz=np.ones(1)), "'zzz' belongs to nothing"),
    "wrong dtype": (
        lambda d, t: t.update({"n.target.mean": np.ones(1, dtype=np.float32)}),
        "of type float32",
    ),
    "mixed dtypes": (
        lambda d, t: t.update({"n.regressor.biases.0": t["n.regressor.biases.0"].astype("f8")}),
        "of type float64",
    ),
    "nan": (lambda d, t: t["n.regressor.weights.0"].fill(np.nan), "not finite"),
    "zero scale": (lambda d, t: t["n.target.scale"].fill(0.0), "not positive"),
    "encoder": (lambda d, t: d["model"]["steps"][0][1]["state"].update(columns=3), "columns"),
    "features": (
        lambda d, t: d["model"]["steps"][0][1]["state"]["columns"][1]["categories"].pop(),
        "yields 3 features, the next one takes 4",
    ),
    "more features": (
        lambda d, t: d["model"]["steps"][0][1]["state"]["columns"][1]["categories"].append("x"),
        "yields 5 features, the next one takes 4",
    ),
    "target dimensions": (
        lambda d, t: d["model"]["steps"][1][1].update(target_dimensions=3),
        "the target's scale does not match the network's outputs",
    ),
    "wide target": (
        lambda d, t: (
            d["model"]["steps"][1][1]["target"].update(columns=2),
            t.update({f"n.target.{name}": np.ones(2) for name in ("mean", "scale", "var")}),
        ),
        "the target's scale does not match the network's outputs",
    ),
}


@pytest.mark.parametrize("forgery", FORGERIES)
def test_forged_files_are_refused_in_one_line(good, tmp_path, forgery):
    tensors, document, _ = good
    tensors = {name: array.copy() for name, array in tensors.items()}
    document = copy.deepcopy(document)
    change, message = FORGERIES[forgery]
    change(document, tensors)
    path = tmp_path / "m.safetensors"
    write_container(path, tensors, document)
    with pytest.raises(ModelFileError, match=message) as caught:
        load_model(path, steps=STEPS)
    assert "\n" not in str(caught.value)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=5,
)  # fmt: skip


def places(value, path=()):
    """Find every place in a document but its root."""
    items = value.items() if isinstance(value, dict) else ()
    for key, item in enumerate(value) if isinstance(value, list) else items:
        yield (*path, key)
        yield from places(item, (*path, key))


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_any_forged_fact_is_refused_or_harmless(good, tmp_path_factory, data):
    tensors, document, _ = good
    document = copy.deepcopy(document)
    *way, last = data.draw(st.sampled_from(sorted(places(document["model"]), key=str)))
    holder = document["model"]
    for key in way:
        holder = holder[key]
    if data.draw(st.booleans()):
        holder[last] = data.draw(PLAIN)
    else:
        del holder[last]
    path = tmp_path_factory.mktemp("fuzz") / "m.safetensors"
    write_container(path, tensors, document)
    try:
        model = load_model(path, steps=STEPS)
    except ModelFileError as error:
        complaint, model = str(error), None
    if model is None:
        assert "\n" not in complaint
        return
    frame = pl.DataFrame({"x": X[:, 0], "c": ["u", "v", "w"] * 10})
    names = [column.name for column in model[0].columns_]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert model.predict(frame.rename(dict(zip(frame.columns, names, strict=True)))).shape == (
            30,
        )


def test_parameters_set_after_the_fit_do_not_change_the_network(tmp_path):
    """A file holds the network that was fitted, whatever the next fit would make."""
    model = fitted(MLPRegressor(**FEW), X, X[:, 0])
    expected = model.predict(X)
    model.set_params(activation="tanh", hidden_layer_sizes=(9, 9))
    loaded = again(model, tmp_path / "m.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), expected)
    assert loaded.activation == "tanh"


def test_sparse_labels_come_back_sparse(tmp_path):
    labels = scipy.sparse.csr_array((X > 0).astype(int))
    for y, sparse in ((labels, True), (labels.toarray(), False)):
        loaded = again(fitted(MLPClassifier(**FEW), X, y), tmp_path / "m.safetensors")
        assert scipy.sparse.issparse(loaded.predict(X)) is sparse


def test_classes_that_the_outputs_do_not_stand_for(tmp_path):
    path = tmp_path / "m.safetensors"
    for y, labels, message in (
        (np.arange(30) % 2, [0, 1, 2], "1 outputs for 3 classes"),
        (np.arange(30) % 3, [0, 1], "3 outputs for 2 classes"),
        (np.arange(30) % 2, [1, 1], "class labels are not in order"),
    ):
        save_model(fitted(MLPClassifier(**FEW), X, y), path)
        tensors, document = read_container(path)
        document["model"]["classes"]["labels"] = labels
        write_container(path, tensors, document)
        with pytest.raises(ModelFileError, match=message):
            load_model(path)


def test_a_loaded_model_can_be_trained_on(tmp_path):
    """The count of samples goes on, and a model fitted by L-BFGS takes another solver."""
    model = fitted(MLPRegressor(**FEW), X, X[:, 0])
    loaded = again(model, tmp_path / "m.safetensors")
    loaded.partial_fit(X, X[:, 0])
    assert loaded.t_ == model.t_ + len(X)
    model = fitted(MLPRegressor(**FEW, solver="lbfgs"), X, X[:, 0])
    loaded = again(model, tmp_path / "m.safetensors").set_params(solver="adam")
    assert len(loaded.partial_fit(X, X[:, 0]).loss_curve_) == 1


def test_a_scaled_target_of_a_pipeline(tmp_path):
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    inner = make_pipeline(TableEncoder(), StandardScaler(), MLPRegressor(**FEW))
    target = TransformedTargetRegressor(inner, transformer=StandardScaler())
    model = fitted(target, frame, 100 + 5 * X[:, 0])
    loaded = again(model, tmp_path / "m.safetensors", steps=STEPS)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    assert loaded.check_inverse is True
    model.check_inverse = False
    assert again(model, tmp_path / "m.safetensors", steps=STEPS).check_inverse is False


def test_nothing_is_written_that_could_not_be_loaded(tmp_path):
    """The file that was there stays, and the error says what is wrong."""
    path = tmp_path / "m.safetensors"
    y = np.arange(30) % 2
    save_model(fitted(MLPClassifier(**FEW), X, y), path)
    before = path.read_bytes()
    scalers = Pipeline([("b", StandardScaler())]), StandardScaler()
    dotted = Pipeline([("a", scalers[0]), ("a.b", scalers[1]), ("m", MLPClassifier(**FEW))])
    for model, change, what in [
        (dotted, {}, "tensor 'a.b.mean' is missing"),
        (MLPClassifier(**FEW), {"max_iter": 0}, "'max_iter' parameter of MLPClassifier must be"),
    ]:
        model = fitted(model, X, y).set_params(**change)
        with pytest.raises(ModelFileError, match="could not be loaded again: .*" + what):
            save_model(model, path)
    model = fitted(MLPClassifier(**FEW), X, np.arange(30) % 3)
    model.out_activation_ = "identity"
    with pytest.raises(ModelFileError, match="MLPClassifier has no output 'identity'"):
        save_model(model, path)
    with pytest.raises(ModelFileError, match="a model file cannot hold MLP$"):
        save_model(MLP(epochs=1).fit(X[:, :2], y), path)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == [path.name]


def test_weights_of_mixed_types(tmp_path):
    """As they predict: in the wider type."""
    model = fitted(MLPClassifier(**FEW), X.astype(np.float32), np.arange(30) % 3)
    model.coefs_[0] = model.coefs_[0].astype(np.float64) + 1e-12
    loaded = again(model, tmp_path / "m.safetensors")
    assert {part.dtype.name for part in loaded.coefs_ + loaded.intercepts_} == {"float64"}
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))


def test_an_encoder_with_numbers_of_numpys(tmp_path):
    encoder = TableEncoder(max_categories=np.int64(5), clip=np.float32(2))
    frame = pl.DataFrame({"a": X[:, 0], "b": X[:, 1]})
    model = fitted(make_pipeline(encoder, MLPClassifier(**FEW)), frame, np.arange(30) % 2)
    loaded = again(model, tmp_path / "m.safetensors", steps=STEPS)
    assert loaded[0].get_params() == encoder.get_params()


def test_facts_may_be_numbers_of_numpys(tmp_path):
    """As a Recorder's may."""
    network, path = fitted(MLPRegressor(**FEW), X, X[:, 0]), tmp_path / "m.safetensors"
    save_model(network, path, facts={"rows": np.int64(30), "share": np.float32(0.5)})
    assert read_facts(path)["facts"] == {"rows": 30, "share": 0.5}

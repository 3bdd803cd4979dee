"""Turns a model file's description into short facts to read."""

from itertools import pairwise

from retrograd.engine.notes import counted
from retrograd.export.container import ModelFileError
from retrograd.tables.errors import shortened

# What `retrograd train` and the page write of a training, in the order in which it is told.
TOLD = ("file", "target", "task", "run", "step", "rows", "customs", "options", "scores")


def describe(document: dict) -> dict[str, list[tuple[str, str]]]:
    """Describe a model file in sections of named facts.

    Parameters
    ----------
    document : dict
        As :func:`retrograd.export.model_file.read_facts` returns it. Nothing is taken for granted:
        what is not there is not shown.

    Returns
    -------
    dict of lists of (name, text)

    Raises
    ------
    ModelFileError
        If what is there is not as a model is described.

    Examples
    --------
    >>> describe({"model": {"class": "StandardScaler"}, "versions": {"numpy": "2.0"}})
    {'model': [('parts', 'StandardScaler')], 'made with': [('numpy', '2.0')]}
    """
    try:
        return _described(document)
    except (TypeError, ValueError, LookupError, AttributeError, OverflowError) as error:
        reason = " ".join(str(error).split())[:200]
        raise ModelFileError(f"the file describes no model ({reason})") from None


def _described(document: dict) -> dict[str, list[tuple[str, str]]]:
    parts = list(_walk(document.get("model")))
    sections = {"model": [("parts", " → ".join(str(part["class"]) for part in parts))]}
    for part in parts:
        if "widths" in part:
            sections["model"] += _network(part)
        if "columns" in part.get("state", {}):
            sections["columns"] = _columns(part["state"]["columns"])
    facts = document.get("facts")
    if isinstance(facts, dict) and facts:
        sections["training"] = _training(facts)
    versions = document.get("versions")
    if isinstance(versions, dict):
        sections["made with"] = [(name, str(text)) for name, text in sorted(versions.items())]
    return {title: pairs for title, pairs in sections.items() if pairs}


def _walk(part):
    """Visit a model's parts, in the order in which data passes through them."""
    if not isinstance(part, dict):
        return
    if part.get("class") == "Pipeline":
        for _, step in part.get("steps", []):
            yield from _walk(step)
        return
    yield part
    for key in ("regressor", "target"):
        yield from _walk(part.get(key))


def _network(part: dict) -> list[tuple[str, str]]:
    """Describe a network."""
    widths, parameters = part["widths"], part.get("parameters", {})
    epochs = part.get("epochs")
    after = f", {counted(epochs, 'epoch')}" if isinstance(epochs, int) else ""
    count = sum((first + 1) * second for first, second in pairwise(widths))
    pairs = [
        ("layers", " → ".join(str(width) for width in widths)),
        ("activation", f"{parameters.get('activation')}, then {part.get('output')}"),
        ("parameters", f"{count:,}"),
        ("solver", f"{parameters.get('solver')}{after}"),
    ]
    if "classes" in part:
        labels = [str(label) for label in part["classes"].get("labels", [])]
        more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
        pairs.append(("classes", ", ".join(map(shortened, labels[:12])) + more))
    return pairs


def _columns(columns: list[dict]) -> list[tuple[str, str]]:
    """Describe the columns of a table."""
    pairs = []
    for column in columns:
        text = str(column.get("kind"))
        if text == "ignored":
            text += f" ({column.get('reason')})"
        if column.get("kind") == "category":
            names = column.get("categories", [])
            more = f" and {len(names) - 6} more" if len(names) > 6 else ""
            text += f": {', '.join(map(shortened, names[:6]))}{more}"
            text += ", other" if column.get("rare") else ""
        if column.get("missing"):
            text += ", may be missing"
        pairs.append((shortened(str(column.get("name"))), text))
    return pairs


def target_of(document: dict) -> str | None:
    """Name of the column that a model file's model predicts, if the file says.

    Examples
    --------
    >>> target_of({"facts": {"target": {"name": "species"}}})
    'species'
    """
    facts = document.get("facts")
    target = facts.get("target") if isinstance(facts, dict) else None
    return str(target["name"]) if isinstance(target, dict) and "name" in target else None


def customs_of(document: dict) -> dict[str, str]:
    """What comes first in dates of a table's columns, as far as a model file says.

    Examples
    --------
    >>> customs_of({"facts": {"customs": {"born": "month/day", "died": 3}}})
    {'born': 'month/day'}
    """
    facts = document.get("facts")
    customs = facts.get("customs") if isinstance(facts, dict) else None
    known = customs.items() if isinstance(customs, dict) else ()
    return {name: custom for name, custom in known if isinstance(custom, str)}


def _training(facts: dict) -> list[tuple[str, str]]:
    """Describe how a model came about; what is not as ``retrograd train`` says it, as it is."""
    order = sorted(facts, key=lambda key: TOLD.index(key) if key in TOLD else len(TOLD))
    return [pair for key in order for pair in _fact(facts, key, facts[key])]


def _fact(facts: dict, key: str, value) -> list[tuple[str, str]]:
    match key, value:
        case "file", _:
            return [("table", str(value))]
        case "target", {"name": name}:
            return [("target", f"{name} ({facts.get('task')})")]
        case "step", int():
            return [("as of", f"run {facts.get('run')}, step {value}")]
        case (("rows" | "options"), dict()):
            return [(key, ", ".join(f"{name} {_number(one, ',')}" for name, one in value.items()))]
        case "customs", dict():
            dates = ", ".join(f"{name} {custom}" for name, custom in value.items())
            return [("dates", dates)] if dates else []
        case "scores", list() if all(isinstance(scores, dict) for scores in value):
            return [_scores(scores) for scores in value]
        case (("columns" | "training"), list() | dict()):
            return []  # told by the encoder, and by the network
        case (("task" | "run"), _) if not {"target", "step"}.isdisjoint(facts):
            return []  # told with these
    return [(key, str(value))]


def _scores(scores: dict) -> tuple[str, str]:
    shown = [f"{key} {_number(value, '.4g')}" for key, value in scores.items() if key != "model"]
    return str(scores.get("model")), ", ".join(shown)


def _number(value, spec: str) -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return format(value, spec) if is_number else str(value)

"""Turns a model file's description into short facts to read."""

from itertools import pairwise


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

    Examples
    --------
    >>> describe({"model": {"class": "StandardScaler"}, "versions": {"numpy": "2.0"}})
    {'model': [('parts', 'StandardScaler')], 'made with': [('numpy', '2.0')]}
    """
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
    widths, parameters, epochs = part["widths"], part.get("parameters", {}), part.get("epochs")
    count = sum((first + 1) * second for first, second in pairwise(widths))
    pairs = [
        ("layers", " → ".join(str(width) for width in widths)),
        ("activation", f"{parameters.get('activation')}, then {part.get('output')}"),
        ("parameters", f"{count:,}"),
        ("solver", f"{parameters.get('solver')}, {epochs} epoch{'' if epochs == 1 else 's'}"),
    ]
    if "classes" in part:
        labels = [str(label) for label in part["classes"].get("labels", [])]
        more = f" and {len(labels) - 12} more" if len(labels) > 12 else ""
        pairs.append(("classes", ", ".join(labels[:12]) + more))
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
            text += f": {', '.join(names[:6])}{more}"
            text += ", other" if column.get("rare") else ""
        if column.get("missing"):
            text += ", may be missing"
        pairs.append((str(column.get("name")), text))
    return pairs


def _training(facts: dict) -> list[tuple[str, str]]:
    """Describe how a model came about."""
    pairs = []
    if "file" in facts:
        pairs.append(("table", str(facts["file"])))
    if isinstance(facts.get("target"), dict):
        pairs.append(("target", f"{facts['target'].get('name')} ({facts.get('task')})"))
    if "step" in facts:
        pairs.append(("as of", f"run {facts.get('run')}, step {facts['step']}"))
    rows = facts.get("rows")
    if isinstance(rows, dict):
        pairs.append(("rows", ", ".join(f"{name} {count:,}" for name, count in rows.items())))
    options = facts.get("options")
    if isinstance(options, dict):
        pairs.append(("options", ", ".join(f"{key} {value}" for key, value in options.items())))
    for scores in facts.get("scores", []):
        shown = [f"{key} {value:.4g}" for key, value in scores.items() if key != "model"]
        pairs.append((str(scores.get("model")), ", ".join(shown)))
    return pairs or [(str(key), str(value)) for key, value in facts.items()]

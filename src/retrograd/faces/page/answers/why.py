"""Why a parameter moved in a step: its rows' shares, and what else moved it."""

from retrograd.faces.page.viewer import QuestionError, Viewer

# Rows that are told one by one.
ROWS = 10
BIAS = -1


def why(viewer: Viewer, run: int, step: int, layer: int, i: int, o: int) -> dict:
    """Explain how ``coefs[layer][i, o]``, or for i = -1 ``intercepts[layer][o]``, came to move.

    Returns
    -------
    dict
        ``name``, ``before``, ``after``, ``update``; ``rows`` and ``shares`` of those that moved it
        most; ``others``, how many more have a share, ``others_share``, its sum, and ``idle``, how
        many rows have none; ``momentum``, ``penalty`` and ``rounding``. The shares sum to the
        update.

    Raises
    ------
    QuestionError
        If no step was taken from the moment, or layer, i or o is too small.
    IndexError
        If there is no such parameter.
    """
    if not viewer.has_step(run, step):
        raise QuestionError("no step was taken from here: nothing moved")
    if layer < 0 or o < 0 or i < BIAS:
        raise QuestionError("layers and units are counted from 0")
    from retrograd.rewind.why import why as explain

    found = explain(viewer.moment(run, step).trace(), layer, None if i == BIAS else i, o)
    moved = int((found.shares != 0).sum())
    shown = min(moved, ROWS)
    return {
        "name": found.name,
        "before": found.before,
        "after": found.after,
        "update": found.update,
        "rows": found.rows[:shown],
        "shares": found.shares[:shown],
        "others": moved - shown,
        "others_share": float(found.shares[shown:].sum()),
        "idle": found.rows.size - moved,
        "momentum": found.momentum,
        "penalty": found.penalty,
        "rounding": found.rounding,
    }

"""What to try next, read off the results."""

import math

# A gap between training and held-out score beyond this is overfitting worth a word.
GAP = {"accuracy": 0.05, "R2": 0.1}
# A training score below this leaves something to learn.
GOOD = {"accuracy": 0.9, "R2": 0.8}


def advise(report: dict) -> list[str]:
    """Derive suggestions from a report, the most important first.

    Parameters
    ----------
    report : dict
        As made by :mod:`retrograd.faces.report`.

    Returns
    -------
    list of str
        Three at most.

    Examples
    --------
    >>> report = {
    ...     "scores": [
    ...         {"model": "network", "accuracy": 0.70, "training": 0.99},
    ...         {"model": "logistic regression", "accuracy": 0.75},
    ...         {"model": "always a", "accuracy": 0.5},
    ...     ],
    ...     "options": {"alpha": 1e-4, "epochs": 200, "hidden": [64, 32]},
    ...     "training": {"ended": "converged"},
    ...     "rows": {"test": 2000},
    ... }
    >>> for line in advise(report):
    ...     print(line)
    the network learns its rows by heart (training accuracy 0.990, held-out 0.700): try --alpha 0.01
    logistic regression does no worse: the simple model may be all this table needs
    """
    network, linear, constant = report["scores"][:3]
    metric = "accuracy" if "accuracy" in network else "R2"
    held_out, training = network[metric], network["training"]
    options, ended = report["options"], report["training"]["ended"]
    lines = []
    if held_out <= constant[metric]:
        return ["no better than a constant: do the columns say anything about the target?"]
    rows = report["rows"]["test"]
    by_chance = _margin(held_out, rows) if metric == "accuracy" else 0.0
    # One that was stopped while it had little has learned nothing by heart.
    unfinished = ended == "epochs" and training < GOOD[metric]
    if training - held_out > max(GAP[metric], by_chance) and not unfinished:
        lines.append(
            f"the network learns its rows by heart (training {metric} {training:.3f}, held-out "
            f"{held_out:.3f}): try --alpha {max(100 * options['alpha'], 0.01):g}"
        )
    elif training < GOOD[metric] and ended not in ("epochs", "diverged"):
        wider = ",".join(str(2 * width) for width in options["hidden"]) or "64,32"
        lines.append(f"training {metric} is only {training:.3f}: try --hidden {wider}")
    if ended == "epochs":
        lines.append(f"all epochs were used up: try --epochs {options['epochs'] * 3}")
    if linear[metric] >= held_out:
        lines.append(
            f"{linear['model']} does no worse: the simple model may be all this table needs"
        )
    if metric == "accuracy" and rows < 1000:
        margin = 100 * by_chance
        about = f"{margin:.0f}" if margin >= 1 else f"{margin:.1f}"
        lines.append(
            f"{rows} held-out rows tell the accuracy to about ±{about} %: "
            "see how it changes with --seed 1, --seed 2"
        )
    return lines[:3]


def _margin(accuracy: float, rows: int) -> float:
    r"""Half of a share's 95 % interval, :math:`2 \sqrt{p (1 - p) / n}`, two of each outcome added.

    Source: Agresti and Coull, Approximate is better than "exact" (1998).
    """
    share = (accuracy * rows + 2) / (rows + 4)
    return 2 * math.sqrt(share * (1 - share) / (rows + 4))

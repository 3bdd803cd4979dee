"""The first table: what issue 3 asks, what was measured, and whether it was reached."""

from dataclasses import dataclass
from statistics import median

from benchmarks import long, scaling
from benchmarks.best import OURS, SKLEARN, best, fastest_peer, of_work
from benchmarks.markdown import count, number, table, unique

WARM, COLD, IMPORT = 0.3, 6.0, 0.3
# work: at least so many times as fast as the fastest peer, as scikit-learn.
TRAINING = {
    "2-2-1": ("one-example SGD, 2-2-1", 50, 4_000),
    "20-64-2": ("20-64-2, batch 32", 2, 30),
    "30-100-2": ("30-100-2, batch 200, float64, scikit-learn's defaults", 1.5, 4),
    "784-100-10": ("784-100-10, batch 200", 1.1, 3),
    "54-256-256-7": ("54-256-256-7, batch 256", 1.1, 2.5),
    "784-1024-1024-10": ("784-1024-1024-10, batch 512", 1.0, 1.6),
    "20000-100-2": ("bag of words, CSR, 20,000 columns, 1 % filled, 100 hidden", None, 5),
}
# work: at most so many times its products alone, at least this part of the large product's rate.
LIMITS = {
    "30-100-2": (1.5, None),
    "784-100-10": (None, 0.75),
    "54-256-256-7": (None, 0.75),
    "784-1024-1024-10": (None, 0.85),
}
C_LOOP, MEMORY, FAIR_SHARE = 2.0, 0.7, 2.5
BUSY = (2, 4)
PREDICTION = {1: (None, 3), 10_000: (1.0, 1.2)}


@dataclass(frozen=True)
class Row:
    """One target: ``measured`` is None where nothing was; ``least`` tells which side is good."""

    work: str
    against: str
    target: float
    measured: float | None
    least: bool = True
    unit: str = "×"

    def cells(self):
        """Return the row of the table."""
        sign = "≥" if self.least else "≤"
        target = f"{sign} {self.target:,g}{self.unit}"
        if self.measured is None:
            return [self.work, self.against, target, "not measured", ""]
        good = self.measured >= self.target if self.least else self.measured <= self.target
        measured = f"{number(self.measured)}{self.unit}"
        return [self.work, self.against, target, measured, "yes" if good else "**no**"]


def verdict(results):
    """Return the table of all of the issue's rows."""
    rows = []
    for workload in TRAINING:
        rows += _training_rows(workload, results.get("training", []))
    for asked in PREDICTION:
        rows += _prediction_rows(asked, results.get("prediction", []))
    rows.append(_memory_row(results.get("memory", [])))
    for workload in ("digits", "54-256-256-7"):
        rows += _busy_rows(workload, of_work(results.get("busy", []), workload=workload))
    rows += _startup_rows(results)
    rows.append(_scaling_row(results.get("scaling", [])))
    rows.append(_long_row(results.get("long", [])))
    header = ["work", "against", "target", "measured", "reached"]
    return table(header, [row.cells() for row in rows])


def _training_rows(workload, records):
    title, over_peer, over_sklearn = TRAINING[workload]
    found = best(of_work(records, workload=workload))
    rows = _over_others(title, found, over_peer, over_sklearn)
    if workload == "2-2-1":
        rows.append(_c_loop_row(title, records))
    over_products, part_of_rate = LIMITS.get(workload, (None, None))
    if over_products:
        at_most = _times(found, OURS, "its matrix products alone")
        rows.append(Row(title, "its matrix products alone", over_products, at_most, least=False))
    if part_of_rate:
        part = rate_reached(found)
        rows.append(Row(title, "this machine's large product's rate", part_of_rate, part))
    return rows


def _over_others(work, found, over_peer, over_sklearn):
    """Return the rows that compare ours with the fastest peer and with scikit-learn."""
    ours, peer = found.get(OURS), fastest_peer(found)
    rows = []
    if over_peer:
        times = peer.seconds / ours.seconds if peer and ours else None
        rows.append(
            Row(work, f"fastest peer ({peer})" if peer else "fastest peer", over_peer, times)
        )
    if over_sklearn:
        theirs = found.get(SKLEARN)
        rows.append(Row(work, str(theirs or SKLEARN), over_sklearn, _times(found, SKLEARN, OURS)))
    return rows


def _c_loop_row(title, records):
    """Return the row of the C loop, by whichever of the short and the long fit is worse."""
    both = [best(of_work(records, workload=name)) for name in ("2-2-1", "2-2-1-long")]
    ratios = [_times(found, OURS, "the same loop in C") for found in both]
    worst = max((r for r in ratios if r is not None), default=None)
    return Row(title, "the same loop in C", C_LOOP, worst, least=False)


def rate_reached(found):
    """Return which part of the large product's rate a step reaches; both at their best."""
    if OURS not in found or "large product" not in found:
        return None
    ours, large = (found[name] for name in (OURS, "large product"))
    return ours.record["flops"] / ours.seconds / (large.record["flops"] / large.seconds)


def _prediction_rows(asked, records):
    """Return the rows for so many rows at a time, by the network that is worst for us."""
    over_peer, over_sklearn = PREDICTION[asked]
    what = "`predict_proba`" if asked == 1 else "`predict`"
    records = of_work(records, rows=asked)
    founds = [best(of_work(records, workload=w)) for w in unique(r["workload"] for r in records)]
    title = f"{asked:,}-row {what}, through the estimator"
    candidates = [_over_others(title, found, over_peer, over_sklearn) for found in founds]
    candidates = candidates or [_over_others(title, {}, over_peer, over_sklearn)]
    return [
        min(same, key=lambda row: float("inf") if row.measured is None else row.measured)
        for same in zip(*candidates, strict=True)
    ]


def _memory_row(records):
    ratios = [
        _median_peak(records, workload, OURS) / _median_peak(records, workload, SKLEARN)
        for workload in unique(r["workload"] for r in records)
        if len(of_work(records, workload=workload)) == 2
    ]
    worst = max(ratios, default=None)
    return Row("memory: peak of a fit over the data itself", SKLEARN, MEMORY, worst, least=False)


def _median_peak(records, workload, title):
    return median(of_work(records, workload=workload, contender=title)[0]["peak"])


def _busy_rows(workload, records):
    """Return the rows of a busy machine; ours with its default threads, others at their best."""
    title = f"{workload} while other processes burn all cores"
    mine = of_work(records, contender=OURS, threads="default")
    others = [r for r in records if r["contender"] != OURS]
    busy = best(of_work(mine + others, condition="busy"))
    idle = best(of_work(mine, condition="idle"))
    rows = _over_others(title, busy, *BUSY)
    share = busy[OURS].seconds / idle[OURS].seconds if OURS in busy and OURS in idle else None
    return [*rows, Row(title, "its own idle time", FAIR_SHARE, share, least=False)]


def _startup_rows(results):
    fits = {r["cache"]: r for r in of_work(results.get("first_fits", []), contender=OURS)}
    first = {cache: record["first"] for cache, record in fits.items()}
    said = count(len(fits["empty cache"]["lines"]), "line") + " said" if fits else "one line said"
    seconds = {r["what"]: r["seconds"] for r in results.get("imports", [])}
    over = None
    if {"retrograd MLPClassifier", "import sklearn.base"} <= seconds.keys():
        over = seconds["retrograd MLPClassifier"] - seconds["import sklearn.base"]
    elsewhere = first.get("read-only package, writable home, second process")
    warm = "first fit of a new process, filled cache"
    asked = (
        ("first fit ever, empty cache", said, COLD, first.get("empty cache")),
        (warm, "over the import", WARM, first.get("filled cache")),
        ("the same, package folder read-only", "over the import", WARM, elsewhere),
        ("`from retrograd import MLPClassifier`", "over `import sklearn.base`", IMPORT, over),
    )
    return [Row(*cells, least=False, unit=" s") for cells in asked]


def _scaling_row(records):
    exponents = scaling.exponents(records)
    worst = max(exponents, key=exponents.get, default=None)
    against = f"its arithmetic, exponent ({worst})" if worst else "its arithmetic, exponent"
    target = 1 + scaling.TOLERANCE
    return Row("growth of time", against, target, exponents.get(worst), least=False, unit="")


def _long_row(records):
    times = None
    for record in records:
        if record["contender"] == OURS:
            early, late = long.early_and_late(record)
            times = late / early
    return Row("a step late in a long training", "its first steps", long.MOST, times, least=False)


def _times(found, slower, faster):
    """Return how many times as long one takes as the other, or None."""
    if slower not in found or faster not in found:
        return None
    return found[slower].seconds / found[faster].seconds

"""How a fit's time grows with rows, columns, width, depth, batch and threads, for ours alone."""

import os
from dataclasses import replace
from pathlib import Path
from statistics import median

import numpy as np

from benchmarks.contenders import load
from benchmarks.turns import DEFAULT, Job, Workers, progress
from benchmarks.workloads import Workload

PLOT = Path(__file__).with_name("scaling.svg")
BASE = Workload("64-128-128-10", (64, 128, 128, 10), 10, 256, 8_192, 1)
AXES = {
    "rows": (2_048, 8_192, 32_768, 131_072),
    "columns": (16, 64, 256, 1_024, 4_096),
    "width": (16, 64, 256, 1_024),
    "depth": (1, 2, 4, 8, 16),
    "batch": (16, 64, 256, 1_024, 4_096),
}
# What "no faster than its arithmetic" leaves to the noise of the clock.
TOLERANCE = 0.05


def scaling(repeats):
    """Time fits along each axis; return records with "axis", "value", "flops" and "seconds".

    Those of a step; along the rows a step is always the same, so those of the whole fit.
    """
    progress("scaling")
    with Workers([DEFAULT]) as workers:
        timed = workers.interleaved(axis_jobs, (AXES,), repeats)
    counts = [1, *range(2, (os.cpu_count() or 1) + 1)]
    with Workers(counts) as workers:
        base = {"batch": (BASE.batch,)}
        by_threads = workers.interleaved(axis_jobs, (base,), repeats)
    for record in by_threads:
        record |= {"axis": "threads", "value": record["threads"]}
    return [_per_unit(record) for record in timed + by_threads]


def axis_jobs(axes):
    """Make a job of each point of each axis."""
    module = load(["retrograd"])["retrograd"]
    jobs = []
    for axis, values in axes.items():
        for value in values:
            workload = point(axis, value)
            facts = {
                "axis": axis,
                "value": value,
                "steps": workload.steps,
                "flops": workload.flops,
                "contender": f"{axis} {value}",
            }
            trainer = module.trainer(workload, workload.data(), workload.epochs)
            jobs.append(Job(facts, module.limited, trainer.train))
    return jobs


def point(axis, value):
    """Return the base work with one thing changed."""
    inputs, *hidden, outputs = BASE.widths
    if axis == "columns":
        inputs = value
    elif axis == "width":
        hidden = [value] * len(hidden)
    elif axis == "depth":
        hidden = hidden[:1] * value
    changed = {axis: value} if axis in ("rows", "batch") else {}
    return replace(BASE, widths=(inputs, *hidden, outputs), **changed)


def exponents(records):
    """Return for each axis but the threads by which power of the arithmetic the time grows."""
    found = {}
    for axis in AXES:
        points = [(r["flops"], r["seconds"]) for r in records if r["axis"] == axis]
        if len(points) > 1:
            flops, seconds = np.log(np.array(points).T)
            found[axis] = float(np.polyfit(flops, seconds, 1)[0])
    return found


def plot(records):
    """Draw time over each axis, beside the arithmetic's own growth; return whether it could."""
    try:
        import matplotlib
    except ImportError as error:
        progress(f"skipped the plot: {error}")
        return False
    matplotlib.use("svg")
    from matplotlib import pyplot

    pyplot.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "retrograd", "font.size": 9})
    figure, panels = pyplot.subplots(2, 3, figsize=(9, 5.4), layout="constrained")
    for panel, axis in zip(panels.flat, [*AXES, "threads"], strict=True):
        _draw(panel, axis, [r for r in records if r["axis"] == axis])
    handles, labels = panels.flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=2, frameon=False)
    figure.savefig(PLOT, metadata={"Date": None})
    pyplot.close(figure)
    return True


def _draw(panel, axis, records):
    from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

    values = [r["value"] for r in records]
    milliseconds = np.array([r["seconds"] * 1e3 for r in records])
    work = np.array([r["flops"] for r in records], float)
    if axis == "threads":
        work = 1 / np.array(values, float)
    # Through the last point, where least of the time is what every call costs.
    anchor = 0 if axis == "threads" else -1
    ideal = milliseconds[anchor] * work / work[anchor]
    panel.plot(values, ideal, "--", color="0.6", label="as its arithmetic")
    panel.plot(values, milliseconds, "o-", color="tab:blue", label="retrograd")
    panel.set_xscale("log", base=2)
    panel.set_yscale("log")
    panel.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    panel.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xticks(values, [f"{value:,}" for value in values])
    panel.set_xlabel(axis)
    panel.set_ylabel("ms per fit" if axis == "rows" else "ms per step")
    panel.grid(visible=True, color="0.92")


def _per_unit(record):
    """Return a record with the seconds and operations of a step, or along the rows of a fit."""
    units = 1 if record["axis"] == "rows" else record["steps"]
    flops = record["flops"] * record["steps"] / units
    return record | {"seconds": median(record["wall"]) / units, "flops": flops}

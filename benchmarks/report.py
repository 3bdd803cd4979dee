"""Results as one Markdown text: what the terminal shows and what the README keeps."""

import os
import platform
from pathlib import Path
from statistics import median

from benchmarks import long, scaling, verdict
from benchmarks.best import OURS, best, of_work
from benchmarks.contenders import LIMIT, OTHER_ARITHMETIC
from benchmarks.markdown import count, number, ratio, spread, table, unique

README = Path(__file__).with_name("README.md")
BEGIN = "<!-- written by python -m benchmarks --write -->"
END = "<!-- end of what the command wrote -->"
PRODUCTS, LARGE = "its matrix products alone", "large product"


def document(facts, results):
    """Return the whole report; a section that was not run is left out below the first table."""
    parts = ["## What issue 3 asks, and what was measured", verdict.verdict(results), _facts(facts)]
    sections = {
        "training": _training,
        "agreement": _agreement,
        "prediction": _prediction,
        "busy": _busy,
        "memory": _memory,
        "recording": _recording,
        "page": _page,
        "scaling": _scaling,
        "long": _long,
        "imports": _imports,
        "first_fits": _first_fits,
    }
    for name, section in sections.items():
        if results.get(name):
            parts.append(section(results[name]))
    return "\n\n".join(parts)


def write(text):
    """Put the text between the README's two marks, the file replaced as a whole."""
    old = README.read_text(encoding="utf-8")
    if BEGIN not in old or END not in old:
        raise SystemExit(f"{README.name} lacks the line {BEGIN!r} or {END!r}; put both back")
    head, rest = old.split(BEGIN, 1)
    tail = rest.split(END, 1)[1]
    fresh = README.with_suffix(".tmp")
    fresh.write_text(f"{head}{BEGIN}\n\n{text}\n\n{END}{tail}", encoding="utf-8")
    os.replace(fresh, README)


def machine():
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [s for s in cpuinfo.read_text().splitlines() if s.startswith("model name")]
        name = named[0].split(":", 1)[1].strip() if named else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()} {platform.machine()}"


def blas():
    """Return which OpenBLAS kernels really run, as threadpoolctl finds them."""
    import scipy.linalg.cython_blas  # noqa: F401 - a BLAS must be loaded to be found
    from threadpoolctl import threadpool_info

    return ", ".join(
        f"{Path(lib['filepath']).parent.name.removesuffix('.libs')}'s {lib['internal_api']} "
        f"{lib['version']}, {lib.get('architecture', 'unknown')} kernels"
        for lib in threadpool_info()
        if lib["user_api"] == "blas"
    )


def _facts(facts):
    return "\n".join(f"- {title}: {value}" for title, value in facts.items())


def _training(records):
    workloads = unique(r["workload"] for r in records)
    rows = [row for workload in workloads for row in _rows(of_work(records, workload=workload))]
    header = ["work", "contender", "threads", "ms/epoch", "µs/step", "range", "cores", "times ours"]
    parts = ["## Training", _ratios(records, workloads), _limits(records, workloads)]
    parts += ["### Every contender with every number of threads", table(header, rows)]
    return "\n\n".join(filter(None, parts))


def _rows(records):
    """Return the rows of one work, times ours at the same number of threads."""
    rows = []
    for record in (r for r in records if r["contender"] != LARGE):
        ours = best(of_work(records, contender=OURS, threads=record["threads"])).get(OURS)
        wall = median(record["wall"])
        rows.append(
            [
                record["workload"],
                _title(record),
                f"{record['threads']}",
                number(wall / record["epochs"] * 1e3),
                number(wall / record["steps"] * 1e6),
                spread(record["wall"]),
                _cores(record),
                ratio(wall, ours and ours.seconds),
            ]
        )
    return rows


def _title(record):
    marks = {LIMIT: " (limit)", OTHER_ARITHMETIC: " (other arithmetic)"}
    return record["contender"] + marks.get(record["role"], "")


def _ratios(records, workloads):
    """Return the table of ratios, every contender with the number of threads best for it."""
    others = unique(_title(r) for r in records if r["contender"] not in (OURS, PRODUCTS, LARGE))
    rows = []
    for workload in workloads:
        found = best(of_work(records, workload=workload))
        ours = found.pop(OURS, None)
        by_title = {_title(b.record): b.seconds for b in found.values()}
        ratios = [ratio(by_title.get(t), ours and ours.seconds) for t in others]
        rows.append([workload, _at(ours), *ratios])
    title = (
        "### How many times as long as retrograd each takes, all at their best number of threads"
    )
    return f"{title}\n\n{table(['work', 'ours with threads', *others], rows)}"


def _limits(records, workloads):
    """Return the table of a step beside its products alone and the large product's rate."""
    rows = []
    for workload in workloads:
        found = best(of_work(records, workload=workload))
        if OURS not in found or PRODUCTS not in found:
            continue
        ours, products, large = found[OURS], found[PRODUCTS], found[LARGE]
        rate = large.record["flops"] / large.seconds
        rows.append(
            [
                workload,
                number(ours.seconds / ours.record["steps"] * 1e6),
                number(products.seconds / products.record["steps"] * 1e6),
                number(ours.seconds / products.seconds),
                f"{ours.record['flops'] / ours.seconds / 1e9:.0f}",
                *_rates(of_work(records, workload=workload, contender=LARGE)),
                f"{rate / 1e9:.0f}",
                f"{verdict.rate_reached(found):.2f}",
            ]
        )
    if not rows:
        return ""
    counts = unique(r["threads"] for r in records if r["contender"] == LARGE)
    header = ["work", "step, µs", "products alone, µs", "step / products", "GFLOP/s of the step"]
    header += [f"large product, {count(n, 'thread')}" for n in counts]
    return "### The floors\n\n" + table([*header, "its best", "reached"], rows)


def _rates(records):
    return [f"{r['flops'] / median(r['wall']) / 1e9:.0f}" for r in records]


def _agreement(records):
    titles = unique(title for record in records for title in record["losses"])
    rows = []
    for record in records:
        losses = [record["losses"].get(title) for title in titles]
        rows.append(
            [
                f"{record['workload']} {record['dtype']}",
                f"{record['before']:.6f}",
                *("" if loss is None else f"{loss:.6f}" for loss in losses),
                f"{record['spread']:.1e}",
                f"{record['spread of the same']:.1e}",
                "yes" if record["agrees"] else "NO",
            ]
        )
    header = ["work", "before", *titles, "spread", "without eager PyTorch", "agree"]
    return (
        "## Final losses: same parameters to start from, same order of rows, no shuffling\n\n"
        + table(header, rows)
    )


def _prediction(records):
    rows = []
    for record in records:
        same = of_work(records, workload=record["workload"], threads=record["threads"])
        ours = best(of_work(same, rows=record["rows"])).get(OURS)
        wall = median(record["wall"])
        rows.append(
            [
                f"{record['what']}, {count(record['rows'], 'row')}, {record['workload']}",
                record["contender"],
                f"{record['threads']}",
                number(wall * 1e6),
                spread(record["wall"]),
                _cores(record),
                ratio(wall, ours and ours.seconds),
            ]
        )
    header = ["call", "contender", "threads", "µs/call", "range", "cores", "times ours"]
    return f"## Prediction\n\n{table(header, rows)}"


def _busy(records):
    rows = []
    for record in of_work(records, condition="busy"):
        same = {key: record[key] for key in ("workload", "contender", "threads")}
        idle, busy = (
            median(r["wall"]) for r in (of_work(records, condition="idle", **same) + [record])
        )
        mine = of_work(records, workload=record["workload"], contender=OURS, condition="busy")
        ours = best(of_work(mine, threads="default")).get(OURS)
        rows.append(
            [
                record["workload"],
                record["contender"],
                f"{record['threads']}",
                number(idle * 1e3),
                number(busy * 1e3),
                spread(record["wall"]),
                number(busy / idle),
                ratio(busy, ours and ours.seconds),
            ]
        )
    header = ["work", "contender", "threads", "idle, ms/fit", "busy, ms/fit"]
    header += ["range", "busy / idle", "busy, times ours"]
    return f"## A fit while other processes burn every core\n\n{table(header, rows)}"


def _memory(records):
    rows = [
        [
            f"{r['workload']}, {r['rows']:,} rows",
            r["contender"],
            f"{r['data'] / 1e6:.0f}",
            f"{median(r['peak']) / 1e6:.1f}",
            spread(r["peak"]),
            f"{median(r['peak']) / r['data']:.1%}",
        ]
        for r in records
    ]
    header = ["one epoch of", "estimator", "data, MB", "peak over it, MB", "range", "of the data"]
    return f"## Memory\n\n{table(header, rows)}"


def _recording(records):
    rows = [
        [
            r["workload"],
            f"{r['steps']:,}",
            number(median(plain for plain, _ in pairs)),
            f"{100 * (median(took / plain for plain, took in pairs) - 1):+.1f} %",
            spread([took / plain for plain, took in pairs]),
            number(r["once"] * 1e3),
            f"{100 * median((took - plain - r['once']) / plain for plain, took in pairs):+.1f} %",
            number(median(r["reached"]) * 1e3),
            number(median(r["reached"]) / r["step"]),
            f"{r['checkpoints']:,}",
            number(median(r["bytes"]) / 1e6),
        ]
        for r, pairs in ((r, r["pairs"]) for r in records)
    ]
    header = [
        "work", "steps", "fit, s", "recording adds", "range", "once a fit, ms", "and then",
        "to any step, ms", "in steps", "checkpoints", "file, MB",
    ]  # fmt: skip
    return f"## Recording\n\n{table(header, rows)}"


def _page(records):
    rows = []
    for r in records:
        middle, unit = median(r["measured"]), f" {r['unit']}".rstrip()
        small = r["unit"] == ""  # a share

        def told(value, unit=unit, small=small):
            return f"{value:+.1%}" if small else f"{number(value)}{unit}"

        rows.append(
            [
                r["what"],
                f"≤ {told(r['most'])}",
                told(middle),
                f"{told(min(r['measured']))} to {told(max(r['measured']))}",
                "yes" if middle <= r["most"] else "**no**",
            ]
        )
    return f"## The page\n\n{table(['what', 'target', 'median', 'range', 'reached'], rows)}"


def _scaling(records):
    exponents = scaling.exponents(records)
    rows = [
        [
            record["axis"],
            f"{record['value']:,}",
            "fit" if record["axis"] == "rows" else "step",
            number(record["seconds"] * 1e3),
            number(record["flops"] / 1e6),
            number(record["flops"] / record["seconds"] / 1e9),
            f"{exponents[record['axis']]:.2f}" if record["axis"] in exponents else "",
        ]
        for record in records
    ]
    header = ["axis", "value", "time of a", "ms", "MFLOP", "GFLOP/s", "exponent"]
    base = scaling.BASE
    said = (
        f"{base.name}, batch {base.batch}, {base.rows:,} rows, one thing changed at a time. The\n"
        "exponent is the power of the arithmetic (operations of the matrix products) by which the\n"
        "time grows along the axis: at 1 in proportion, below 1 more slowly than the arithmetic."
    )
    image = f"![time along each axis]({scaling.PLOT.name})"
    return "\n\n".join(["## Scaling", said, image, table(header, rows)])


def _long(records):
    rows = []
    for record in records:
        early, late = long.early_and_late(record)
        times = number(late / early)
        rows.append([record["contender"], number(early * 1e6), number(late * 1e6), times])
    steps = records[0]["steps"]
    said = (
        f"{long.WORKLOAD} on one thread, its first steps beside those before step {steps:,}:\n"
        "weights of features that are always 0 fade, and numbers next to 0 are slow."
    )
    header = ["contender", "early, µs/step", "late, µs/step", "times as long"]
    return "\n\n".join(["## A long training", said, table(header, rows)])


def _imports(records):
    bare = records[0]["seconds"]
    rows = [
        [r["what"], number(r["seconds"] * 1e3), number((r["seconds"] - bare) * 1e3)]
        for r in records
    ]
    return f"## A new process\n\n{table(['new process', 'ms', 'over bare Python, ms'], rows)}"


def _first_fits(records):
    rows = [
        [f"{r['contender']}, {r['cache']}", number(r["first"]), number(r["second"])]
        + [" ".join(f"`{line}`" for line in r["lines"])]
        for r in records
    ]
    return table(["fit of 20-64-2, 20 steps", "first, s", "second, s", "said"], rows)


def _at(found):
    return "" if found is None else f"{found.threads}"


def _cores(record):
    return f"{sum(record['cpu']) / sum(record['wall']):.1f}"

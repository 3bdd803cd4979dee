"""Results as one Markdown text: what the terminal shows and what the README keeps."""

import os
import platform
from pathlib import Path
from statistics import median

README = Path(__file__).with_name("README.md")
BEGIN = "<!-- written by python -m benchmarks --write -->"
END = "<!-- end of what the command wrote -->"
OURS = "retrograd"


def document(facts, results):
    """Return the whole report; a section that was not run is left out."""
    parts = [_facts(facts)]
    if results.get("training"):
        parts += _training(results["training"])
    if results.get("agreement"):
        parts.append(_agreement(results["agreement"]))
    if results.get("prediction"):
        parts.append(_prediction(results["prediction"]))
    if results.get("imports"):
        parts.append(_startup(results["imports"], results["first_fits"]))
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


def table(header, rows):
    """Return a Markdown table, its columns padded so that it reads well as plain text."""
    cells = [header, *rows]
    widths = [max(len(row[i]) for row in cells) for i in range(len(header))]

    def line(row):
        first = row[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(row[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join([":" + "-" * (widths[0] + 1)] + ["-" * (w + 1) + ":" for w in widths[1:]])
    return "\n".join([line(header), rule + "|", *map(line, rows)])


def machine():
    """Return the processor's name and the number of cores this process may use."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        named = [s for s in cpuinfo.read_text().splitlines() if s.startswith("model name")]
        name = named[0].split(":", 1)[1].strip() if named else name
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{name}, {cores} cores, {platform.system()} {platform.machine()}"


def _facts(facts):
    return "\n".join(f"- {title}: {value}" for title, value in facts.items())


def _training(records):
    parts = ["## Training"]
    for dtype in _unique(r["dtype"] for r in records):
        for threads in _unique(r["threads"] for r in records):
            chosen = [r for r in records if (r["dtype"], r["threads"]) == (dtype, threads)]
            rows = []
            for workload in _unique(r["workload"] for r in chosen):
                rows += _training_rows([r for r in chosen if r["workload"] == workload])
            header = ["work", "contender", "ms/epoch", "µs/step", "range", "cores", "times ours"]
            parts.append(f"### {dtype}, {_count(threads, 'thread')}\n\n{table(header, rows)}")
    if _wall_of_ours(records):
        parts.append(_best(records))
    return parts


def _training_rows(records):
    ours = _wall_of_ours(records)
    rows = []
    for record in records:
        wall = median(record["wall"])
        rows.append(
            [
                record["workload"],
                record["contender"],
                _number(wall / record["epochs"] * 1e3),
                _number(wall / record["steps"] * 1e6),
                _range(record["wall"]),
                f"{_cores(record):.1f}",
                _ratio(wall, ours),
            ]
        )
    return rows


def _best(records):
    """Return the table of ratios, every contender with the number of threads best for it."""
    titles = _unique(r["contender"] for r in records if r["contender"] != OURS)
    rows = []
    for dtype in _unique(r["dtype"] for r in records):
        for workload in _unique(r["workload"] for r in records):
            best = {}
            for record in records:
                if (record["dtype"], record["workload"]) == (dtype, workload):
                    wall = median(record["wall"])
                    title = record["contender"]
                    best[title] = min(wall, best.get(title, wall))
            if best:
                ratios = [_ratio(best.get(t), best.get(OURS)) for t in titles]
                rows.append([f"{workload} {dtype}", *ratios])
    return (
        "### How many times as long as retrograd each takes, both at their best thread count\n\n"
        + table(["work", *titles], rows)
    )


def _agreement(records):
    titles = _unique(title for record in records for title in record["losses"])
    rows = []
    for record in records:
        losses = [record["losses"].get(title) for title in titles]
        rows.append(
            [
                f"{record['workload']} {record['dtype']}",
                f"{record['before']:.6f}",
                *("" if loss is None else f"{loss:.6f}" for loss in losses),
                f"{record['spread']:.1e}",
                "yes" if record["agrees"] else "NO",
            ]
        )
    header = ["work", "before", *titles, "spread", "agree"]
    return (
        "## Final losses: same parameters to start from, same order of rows, no shuffling\n\n"
        + table(header, rows)
    )


def _prediction(records):
    rows = []
    for group in _unique((r["threads"], r["workload"], r["rows"]) for r in records):
        chosen = [r for r in records if (r["threads"], r["workload"], r["rows"]) == group]
        ours = _wall_of_ours(chosen)
        for record in chosen:
            wall = median(record["wall"])
            rows.append(
                [
                    f"{record['what']}, {_count(record['rows'], 'row')}, {record['workload']}",
                    f"{record['threads']}",
                    record["contender"],
                    _number(wall * 1e6),
                    _range(record["wall"]),
                    f"{_cores(record):.1f}",
                    _ratio(wall, ours),
                ]
            )
    header = ["call", "threads", "contender", "µs/call", "range", "cores", "times ours"]
    return f"## Prediction\n\n{table(header, rows)}"


def _startup(imports, first_fits):
    bare = imports[0]["seconds"]
    import_rows = [
        [r["what"], _number(r["seconds"] * 1e3), _number((r["seconds"] - bare) * 1e3)]
        for r in imports
    ]
    fit_rows = [
        [f"{r['contender']}, {r['cache']} cache", _number(r["first"]), _number(r["second"])]
        for r in first_fits
    ]
    return "\n\n".join(
        [
            "## A new process",
            table(["new process", "ms", "over bare Python, ms"], import_rows),
            table(["fit of 20-64-2, 20 steps", "first, s", "second, s"], fit_rows),
        ]
    )


def _wall_of_ours(records):
    walls = [median(r["wall"]) for r in records if r["contender"] == OURS]
    return walls[0] if walls else None


def _ratio(wall, ours):
    return "" if wall is None or ours is None else f"{_number(wall / ours)}"


def _range(walls):
    """Return how far the fastest and the slowest round lie from the median, in percent."""
    middle = median(walls)
    return f"{(min(walls) / middle - 1) * 100:+.0f}..{(max(walls) / middle - 1) * 100:+.0f} %"


def _cores(record):
    return sum(record["cpu"]) / sum(record["wall"])


def _number(value):
    if abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) >= 1 else f"{value:.2g}"


def _count(number, noun):
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _unique(values):
    return list(dict.fromkeys(values))

"""The command: ``python -m benchmarks [--quick] [--only NAME] [--threads 1,2] [--write]``."""

import argparse
import os
import platform
import sys

from benchmarks import measure, report, startup
from benchmarks.contenders import NAMES
from benchmarks.workloads import WORKLOADS

SECTIONS = ("training", "agreement", "prediction", "startup")


def main(arguments=None) -> int:
    """Measure what is asked for, print it, and write it to the README if asked to."""
    options = _options(arguments)
    sections, names, workloads = _chosen(options.only)
    workloads = [w.quick() if options.quick else w for w in workloads]
    load_before = os.getloadavg()[0]
    results, versions = {section: [] for section in SECTIONS[:3]}, {}

    def measured(section, threads, *arguments):
        records, found = measure.in_own_process(getattr(measure, section), threads, *arguments)
        results[section] += records
        versions.update(found)

    for dtype, entrants in _precisions(names):
        if "agreement" in sections:
            measured("agreement", max(options.threads), entrants, workloads, [dtype])
        for threads in options.threads if "training" in sections else ():
            measured("training", threads, entrants, workloads, [dtype], options.repeats)
    for threads in options.threads if "prediction" in sections else ():
        measured("prediction", threads, names, workloads, options.repeats)
    if "startup" in sections:
        results["imports"] = startup.imports(options.repeats)
        results["first_fits"] = startup.first_fits(2 if options.quick else 3)
    text = report.document(_facts(arguments, options, versions, load_before), results)
    print(text)
    if not any(results.values()):
        print("nothing was measured: none of the contenders is installed", file=sys.stderr)
        return 1
    if options.write:
        report.write(text)
    disagree = [r["workload"] for r in results.get("agreement", []) if not r["agrees"]]
    if disagree:
        print(f"final losses disagree: {', '.join(disagree)}", file=sys.stderr)
    return 1 if disagree else 0


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter fits, three rounds")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        choices=[*SECTIONS, *NAMES, *WORKLOADS],
        help="a section, contender or workload; may be given several times: %(choices)s",
    )
    parser.add_argument("--threads", default="1,2", type=_numbers, help="default 1,2")
    parser.add_argument("--repeats", type=int, help="rounds; default 7, with --quick 3")
    parser.add_argument("--write", action="store_true", help="put the report into the README")
    options = parser.parse_args(arguments)
    options.repeats = options.repeats or (3 if options.quick else 7)
    return options


def _numbers(text):
    return [int(number) for number in text.split(",")]


def _chosen(only):
    """Return sections, contenders and workloads; naming none of a kind means all of it."""

    def named(everything):
        return [name for name in everything if name in only] or list(everything)

    return named(SECTIONS), named(NAMES), [WORKLOADS[name] for name in named(WORKLOADS)]


def _precisions(names):
    """Return who meets in which precision: all in float32, three in float64."""
    yield "float32", names
    pair = [name for name in names if name in ("retrograd", "sklearn", "numpy_loop")]
    if pair:
        yield "float64", pair


def _facts(arguments, options, versions, load_before):
    command = " ".join(sys.argv[1:] if arguments is None else arguments)
    return {
        "command": f"`python -m benchmarks {command}`".replace(" `", "`"),
        "machine": report.machine(),
        "load average": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after",
        "versions": ", ".join([f"Python {platform.python_version()}", *versions.values()]),
        "rounds": f"{options.repeats}, medians; range is from the fastest to the slowest round",
    }


if __name__ == "__main__":
    sys.exit(main())

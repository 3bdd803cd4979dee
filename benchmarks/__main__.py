"""The command: ``python -m benchmarks [--quick] [--only NAME] [--threads 1,2] [--write]``."""

import argparse
import os
import platform
import sys
import time
import traceback

from benchmarks import busy, long, measure, memory, page, recording, report, scaling, startup
from benchmarks.contenders import CONTENDERS
from benchmarks.workloads import BUSY_WORKLOADS, WORKLOADS

# Variables that make OpenBLAS run other kernels than those it would choose for this processor.
OVERRIDES = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def main(arguments=None) -> int:
    """Measure what is asked for, print it, and write it to the README if asked to."""
    options = _options(arguments)
    sections, names, workloads = _chosen(options.only)
    for line in overridden():
        print(f"warning: {line}", file=sys.stderr)
    started, load_before = time.monotonic(), os.getloadavg()[0]
    versions, absent = measure.versions(names)
    for line in absent:
        print(f"skipped {line}", file=sys.stderr)
    results, failed = _measured(sections, names, workloads, options)
    minutes = (time.monotonic() - started) / 60
    facts = _facts(arguments, options, versions, absent + failed) | {
        "load average": f"{load_before:.1f} before, {os.getloadavg()[0]:.1f} after",
        "duration": f"{minutes:.0f} minutes",
    }
    text = report.document(facts, results)
    print(text)
    if not any(results.values()):
        print("nothing was measured: none of the contenders is installed", file=sys.stderr)
        return 1
    if options.write:
        report.write(text)
    disagree = [r["workload"] for r in results.get("agreement", []) if not r["agrees"]]
    if disagree:
        print(f"final losses disagree: {', '.join(disagree)}", file=sys.stderr)
    return 1 if disagree or failed else 0


def _measured(sections, names, workloads, options):
    """Return the records of each section, and a line for each contender or section that failed."""
    results, failed = {}, []
    for section in sections:
        try:
            records, skipped = SECTIONS[section](names, workloads, options)
        except Exception as error:
            # What the others measured in the meantime is worth keeping.
            traceback.print_exc()
            records, skipped = {}, [f"the section {section}: {type(error).__name__}: {error}"]
        results |= records
        failed += skipped
    return results, failed


def _training(names, workloads, options):
    chosen = [WORKLOADS[name] for name in workloads if name in WORKLOADS]
    chosen = [w.quick() if options.quick else w for w in chosen]
    agreements, records, skipped = measure.training(names, chosen, options.threads, options.repeats)
    return {"agreement": agreements, "training": records}, skipped


def _prediction(names, workloads, options):
    records, skipped = measure.prediction(names, workloads, options.threads, options.repeats)
    return {"prediction": records}, skipped


def _busy(names, workloads, options):
    records, skipped = busy.busy(names, workloads, options.repeats)
    return {"busy": records}, skipped


def _memory(names, workloads, options):
    return {"memory": memory.peaks(names, workloads, 1 if options.quick else 3)}, []


def _recording(names, workloads, options):
    seconds = recording.SECONDS / (4 if options.quick else 1)
    return {"recording": recording.recording(workloads, options.repeats, seconds)}, []


def _page(names, workloads, options):
    return {"page": page.page(options.repeats)}, []


def _scaling(names, workloads, options):
    records = scaling.scaling(options.repeats)
    if options.write:
        scaling.plot(records)
    return {"scaling": records}, []


def _long(names, workloads, options):
    return {"long": long.long(names)}, []


def _startup(names, workloads, options):
    fits = startup.first_fits(1 if options.quick else 3) + startup.read_only()
    return {"imports": startup.imports(options.repeats), "first_fits": fits}, []


SECTIONS = {
    "training": _training,
    "prediction": _prediction,
    "busy": _busy,
    "memory": _memory,
    "recording": _recording,
    "page": _page,
    "scaling": _scaling,
    "long": _long,
    "startup": _startup,
}


def overridden():
    """Return a line for each variable of the environment that changes OpenBLAS's kernels."""
    return [
        f"{name}={os.environ[name]} is set: OpenBLAS does not run its own choice for this "
        f"processor, which can halve its speed; run `env -u {name} python -m benchmarks`"
        for name in OVERRIDES
        if name in os.environ
    ]


def _options(arguments):
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="shorter fits, three rounds")
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="NAME",
        choices=[*SECTIONS, *CONTENDERS, *_workload_names()],
        help="a section, contender or workload; may be given several times: %(choices)s",
    )
    parser.add_argument("--threads", type=_numbers, help="default 1 and as many as cores")
    parser.add_argument("--repeats", type=int, help="rounds; default 7, with --quick 3")
    parser.add_argument("--write", action="store_true", help="put the report into the README")
    options = parser.parse_args(arguments)
    options.threads = options.threads or sorted({1, os.cpu_count() or 1})
    options.repeats = options.repeats or (3 if options.quick else 7)
    return options


def _numbers(text):
    return sorted(int(number) for number in text.split(","))


def _workload_names():
    return dict.fromkeys([*WORKLOADS, *BUSY_WORKLOADS])


def _chosen(only):
    """Return sections, contenders and workloads; naming none of a kind means all of it."""

    def named(everything):
        return [name for name in everything if name in only] or list(everything)

    return named(SECTIONS), named(CONTENDERS), named(_workload_names())


def _facts(arguments, options, versions, skipped):
    command = " ".join(sys.argv[1:] if arguments is None else arguments)
    python = f"Python {platform.python_version()}"
    facts = {
        "command": f"`python -m benchmarks {command}`".replace(" `", "`"),
        "machine": report.machine(),
        "BLAS": report.blas(),
        "versions": ", ".join(dict.fromkeys([python, *versions])),
        "rounds": f"{options.repeats}, medians; range is from the fastest to the slowest round",
    }
    if skipped:
        facts["skipped"] = "; ".join(dict.fromkeys(skipped))
    if overridden():
        facts["**warning**"] = "; ".join(overridden())
    return facts


if __name__ == "__main__":
    sys.exit(main())

"""How the debugger tells where it is: a stop, the algorithm with an arrow, facts of a run."""

from collections.abc import Sequence

import numpy as np

from retrograd.engine.notes import counted
from retrograd.rewind.debugger.engine import Debugger, Stop
from retrograd.rewind.debugger.places import Phase, sections_by_phase
from retrograd.rewind.debugger.told import Told, brief, is_finite, tell_made, tell_sections
from retrograd.rewind.debugger.watches import Watched
from retrograd.rewind.run import Run, Runs
from retrograd.rewind.store import RunFileError
from retrograd.rewind.syntax import ExpressionError
from retrograd.rewind.walk.document import Section
from retrograd.rewind.walk.parts import network_in_words, step_in_words

# Of what an update makes, a stop tells these; ``trace`` tells all.
OF_AN_UPDATE = ("learning_rate", "correction", "W_decayed", "W_update", "b_update")
# Phases around the present one that a listing shows.
LISTED = 9
EPOCHS_SHOWN = 12


def tell_stop(debugger: Debugger, stop: Stop) -> list[Told]:
    """Tell where it has stopped and why, what this phase makes, and the watches."""
    told = [Told(reason, "hit") for reason in stop.reasons]
    told.append(Told(headline(debugger), "place"))
    if not debugger.at_end:
        phase = debugger.here.phase
        if debugger.trace.trouble is not None:
            told.append(Told(f"  this step diverges: NaN or infinity {_trouble(debugger)}", "bad"))
        only = OF_AN_UPDATE if phase.kind == "update" else ()
        for k, section in enumerate(_sections(debugger)[phase]):
            # An update's formulas are the same for every layer.
            told += tell_made(section, only, formulas=not only or k < 2)
    return told + [line for watched in stop.watched for line in tell_watched(watched)]


def headline(debugger: Debugger) -> str:
    """Say where it is, in one line."""
    step, phase = debugger.here
    first = debugger.run.header.course["first_step"]
    of_all = f"{first + step:,} of the training, " if first else ""
    where = f"step {step:,} ({of_all}epoch {debugger.epoch:,})"
    if debugger.at_end:
        return f"{where}: the end"
    titles = [section.title for section in _sections(debugger)[phase]]
    name = next(title for title in titles if title.lower().startswith(phase.kind))
    rows = counted(debugger.trace.rows.size, "row")
    return f"{where}, {rows}: {name[0].lower()}{name[1:].replace(':', ',')}"


def _trouble(debugger: Debugger) -> str:
    """Say where in this step NaN or infinity is first seen, by our own names."""
    for phase, sections in _sections(debugger).items():
        for section in sections:
            for line in section.lines:
                if not is_finite(line.value):
                    return f"is first seen in {line.symbol.text} ({phase})"
    return f"in {debugger.trace.trouble}"


def _sections(debugger: Debugger) -> dict[Phase, list[Section]]:
    trace = debugger.trace
    return sections_by_phase(trace.document().sections, trace.network.n_layers)


def tell_watched(watched: Watched) -> list[Told]:
    """Tell a watch: its value, and what it was at the last stop if that was another."""
    value, name = watched.value, f"  {watched.number}: {watched.text}"
    if isinstance(value, ExpressionError):
        reason = value.reason.replace("at this step", "here: no step is taken any more")
        return [Told(f"{name} has no value: {reason}", "note")]
    now, before = brief(value), watched.before
    change = ""
    if before is not None and not np.array_equal(value, before, equal_nan=_is_float(value)):
        if np.ndim(value) == 0 or np.shape(value) != np.shape(before):
            change = f"   (was {brief(before)})"
        else:
            n = int(np.sum(~np.isclose(value, before, rtol=0, atol=0, equal_nan=True)))
            change = f"   ({n:,} of {np.size(value):,} entries changed)"
    return [Told(f"{name} = {now}{change}", "" if is_finite(value) else "bad")]


def _is_float(value: object) -> bool:
    return np.asarray(value).dtype.kind == "f"


def tell_trace(debugger: Debugger, whole: bool, full: bool) -> list[Told]:
    """Tell every number of this phase, or of the whole step."""
    if not whole:
        return tell_sections(_sections(debugger)[debugger.here.phase], full)
    document = debugger.trace.document()
    title = [Told(document.title, "place"), Told("")]
    return title + tell_sections(list(document.sections), full)


def tell_listing(debugger: Debugger) -> list[Told]:
    """Tell the algorithm of a step, with an arrow where we are, and there with its shapes."""
    trace, here = debugger.trace, debugger.here.phase
    by_phase, phases = _sections(debugger), debugger.phases
    at = phases.index(here)
    begin = max(0, min(at - LISTED // 2, len(phases) - LISTED))
    told = [Told(f"one step: {step_in_words(trace)}", "head")]
    if begin:
        told.append(Told("   ⋮"))
    for phase in phases[begin : begin + LISTED]:
        sections = [s for s in by_phase[phase] if s.title.lower().startswith(phase.kind)]
        formulas = _formulas(sections, phase == here)
        if phase.kind == "update":
            formulas = _formulas(sections[1:2], phase == here)
            formulas = [line for line in formulas if "_W" in line or line.startswith("W")]
            if len(phases) > 4:
                formulas.append("and so for its biases, and for every layer")
        for k, formula in enumerate(formulas or [""]):
            mark = "→" if phase == here and k == 0 else " "
            name = str(phase) if k == 0 else ""
            told.append(Told(f" {mark} {name:<11} {formula}", "here" if phase == here else ""))
    if begin + LISTED < len(phases):
        told.append(Told("   ⋮"))
    return told


def _formulas(sections: Sequence[Section], shapes: bool) -> list[str]:
    """Lines of what sections make, with shapes or without."""
    lines = [line for section in sections for line in section.lines if line.formula is not None]
    heads = [f"{line.symbol.text} = {line.formula.text}" for line in lines if line.formula]
    column = max((len(head) for head in heads if len(head) <= 60), default=0)
    if not shapes:
        return heads
    return [
        f"{head:<{column}}   {line.shapes}".rstrip()
        for head, line in zip(heads, lines, strict=True)
    ]


def tell_info(debugger: Debugger) -> list[Told]:
    """Tell the facts of the run, and what is set."""
    run = debugger.run
    told = [Told(describe(run), "head")]
    facts = _facts(run)
    facts.append(("here", headline(debugger)))
    told += [Told(f"  {name:<12} {text}") for name, text in facts]
    for title, found in (
        ("breakpoints", [(one.number, one.text) for one in debugger.breakpoints]),
        ("watches", [(one.number, one.expression.text) for one in debugger.watches]),
    ):
        if not found:
            told.append(Told(f"  {title:<12} none"))
        for k, (number, text) in enumerate(found):
            told.append(Told(f"  {title if k == 0 else '':<12} {number}: {text}"))
    return told


def describe(run: Run) -> str:
    """Say in one line what a run is."""
    place = f" ({run.header.place})" if run.header.place else ""
    return f"run {run.number} of {run.store.name}{place}: {counted(len(run), 'step')}, {run.status}"


def _facts(run: Run) -> list[tuple[str, str]]:
    header, course = run.header, run.header.course
    network = header.network
    facts = [
        ("network", f"{', '.join(network_in_words(network))}; {network.n_parameters:,} parameters, "
         f"{header.dtype}"),
        ("optimizer", _optimizer(run)),
        ("rows", f"{course['n_rows']:,}, {_order(run)}"),
        ("epochs", f"{run.n_epochs:,}{_last_epoch(run)}"),
    ]  # fmt: skip
    steps = run.store.steps_of(run.number)
    shown = [f"{step:,}" for step in (steps if len(steps) < 9 else [*steps[:4], *steps[-2:]])]
    if len(steps) >= 9:
        shown.insert(4, "…")
    facts.append(("checkpoints", f"{len(steps):,}: after {', '.join(shown)} steps"))
    if header.parent is not None:
        facts.append(("branched off", f"run {header.parent[0]} at step {header.parent[1]:,}"))
    made = ", ".join(f"{name} {text}" for name, text in header.made_by.items())
    facts.append(("made by", f"{made}; {', '.join(header.machine.values())}"))
    if run.status in ("running", "interrupted"):
        facts.append(("status", f"{run.status}: retrograd resume goes on with it"))
    return facts


def _order(run: Run) -> str:
    course = run.header.course
    if "generator" in run.header.data:
        return "one a step, drawn with replacement by NumPy's own generator"
    shuffled = f", shuffled (seed {course['seed']})" if course["shuffle"] else ", in their order"
    return f"in batches of {course['batch_size']:,}{shuffled}"


def _optimizer(run: Run) -> str:
    optimizer = run.header.optimizer
    told = f"{optimizer.solver}, learning_rate_init={optimizer.learning_rate_init:g}"
    if optimizer.schedule != "constant":
        told += f", {optimizer.schedule}"
    if optimizer.solver == "sgd":
        told += f", momentum={optimizer.momentum:g}"
        told += ", Nesterov's" if optimizer.nesterov and optimizer.momentum else ""
    else:
        betas = ("beta_2",) if optimizer.solver == "rmsprop" else ("beta_1", "beta_2")
        told += "".join(f", {name}={getattr(optimizer, name):g}" for name in betas)
    return f"{told}, alpha={optimizer.alpha:g}"


def _last_epoch(run: Run) -> str:
    if not run.epochs:
        return ""
    last = run.epochs[-1]
    score = "" if last.score is None else f", score {last.score:.4g}"
    return f"; the last one with loss {last.loss:.6g}{score}"


def tell_epochs(run: Run) -> list[Told]:
    """Tell how the epochs ended: all, or some between the first and the last."""
    n = len(run.epochs)
    if not n and run.n_epochs:
        n_rows = run.header.course["n_rows"]
        return [
            Told(
                f"the notebook's epochs, of {n_rows:,} draws each, keep no loss; of steps: log loss"
            )
        ]
    if not n:
        return [Told("no epoch of this run is over")]
    kept = np.unique(np.linspace(0, n - 1, min(n, EPOCHS_SHOWN)).astype(int))
    rows = [["epoch", "ended at step", "loss", "score", "learning rate"]]
    for k in kept:
        epoch = run.epochs[k]
        score = "" if epoch.score is None else f"{epoch.score:.4g}"
        rows.append([f"{epoch.epoch:,}", f"{epoch.step:,}", f"{epoch.loss:.6g}", score,
                     f"{epoch.learning_rate:.4g}"])  # fmt: skip
    return tell_table(rows)


def tell_runs(runs: Runs, here: int) -> list[Told]:
    """Tell which runs there are, with an arrow at the present one."""
    told = []
    for k, number in enumerate(runs.numbers):
        try:
            text = describe(runs[k])
        except RunFileError as error:
            text = str(error)
        mark, kind = ("→", "here") if number == here else (" ", "")
        told.append(Told(f"{mark} {text}", kind))
    return told


def tell_table(rows: list[list[str]]) -> list[Told]:
    """Align cells to the right, the first row being the head; leave out empty columns."""
    columns = [column for column in zip(*rows, strict=True) if any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    return [
        Told("  " + "   ".join(f"{c[k]:>{w}}" for c, w in zip(columns, widths, strict=True)),
             "" if k else "head")
        for k in range(len(rows))
    ]  # fmt: skip

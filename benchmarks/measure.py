"""What happens inside a process: training, the check that losses agree, and prediction."""

from benchmarks.contenders import LIMITS, load, role
from benchmarks.turns import Job, Workers, progress
from benchmarks.workloads import WORKLOADS

# How far final losses may lie apart, relatively; and those of an Adam with another epsilon.
AGREE, AGREE_WITH_OWN_EPSILON = {"float32": 1e-3, "float64": 1e-8}, 1e-3
# Rows predicted at a time, with probabilities or only the class.
PREDICTIONS = (
    ("20-64-2", 1, True),
    ("54-256-256-7", 10_000, False),
    ("784-100-10", 10_000, False),
)


def training(names, workloads, settings, repeats):
    """Train on every workload; return records of the losses, of the times, and what was skipped.

    The losses come first: times of unequal work would say nothing.
    """
    agreements, records, skipped = [], [], []
    entrants = [*names, *LIMITS]
    for dtype in dict.fromkeys(workload.dtype for workload in workloads):
        with Workers(settings, dtype) as workers:
            for workload in workloads:
                if workload.dtype != dtype:
                    continue
                progress(f"training {workload.name}")
                agreements.append(workers.call(settings[-1], agreement, names, workload))
                records += workers.interleaved(training_jobs, (entrants, workload), repeats)
            skipped += workers.skipped
    return agreements, records, skipped


def prediction(names, workloads, settings, repeats):
    """Predict one row and many; return records of the times, and what was skipped."""
    records = []
    chosen = [prediction for prediction in PREDICTIONS if prediction[0] in workloads]
    with Workers(settings) as workers:
        for name, rows, proba in chosen:
            progress(f"prediction {name}, {rows} row(s)")
            work = (names, WORKLOADS[name], rows, proba)
            records += workers.interleaved(prediction_jobs, work, repeats)
    return records, workers.skipped


def versions(names):
    """Return the versions of those that are installed, and a line for each who is not."""
    with Workers([1]) as workers:
        return workers.call(1, _versions, [*names, *LIMITS])


def training_jobs(names, workload):
    """Make a job of each contender that takes the work, and of each limit."""
    data = workload.data()
    jobs = []
    for module in _entrants(names, workload):
        trainer = module.trainer(workload, data, workload.epochs)
        facts = {
            "workload": workload.name,
            "contender": module.TITLE,
            "role": role(module),
            "epochs": workload.epochs,
            "steps": workload.steps,
            "flops": trainer.flops or workload.flops * workload.steps,
        }
        jobs.append(Job(facts, module.limited, trainer.train))
    return jobs


def agreement(names, workload):
    """Train without shuffling from the same parameters; return the final losses."""
    data = workload.data()
    epochs = min(2, workload.epochs)
    order = workload.order(epochs)
    losses, same = {}, []
    for module in _entrants([*names, "c_loop"], workload):
        trainer = module.trainer(workload, data, epochs, order)
        if trainer.parameters is not None:
            losses[module.TITLE] = _final_loss(trainer, workload, data)
            if not getattr(module, "OWN_EPSILON", False):
                same.append(losses[module.TITLE])
    spread = _spread(losses.values())
    agrees = _spread(same) <= AGREE[workload.dtype] and spread <= AGREE_WITH_OWN_EPSILON
    return {
        "workload": workload.name,
        "dtype": workload.dtype,
        "before": workload.loss(workload.start(), data),
        "losses": losses,
        "spread": spread,
        "spread of the same": _spread(same),
        "agrees": agrees,
    }


def prediction_jobs(names, workload, rows, proba):
    """Make a job of each contender that can predict; estimators by their own methods."""
    data = workload.data()
    asked = workload.data(rows).X
    jobs = []
    for module in _entrants(names, workload):
        if not hasattr(module, "predictor"):
            continue
        predict = module.predictor(workload, data, proba)
        facts = {
            "workload": workload.name,
            "rows": rows,
            "what": "predict_proba" if proba else "predict",
            "contender": module.TITLE,
            "role": role(module),
        }
        jobs.append(Job(facts, module.limited, lambda call=predict: call(asked)))
    return jobs


def _final_loss(trainer, workload, data):
    """Train and return the loss; infinite where the training fails, so that it can't agree."""
    try:
        return workload.loss(trainer.parameters(trainer.train()), data)
    except Exception as error:
        progress(f"{type(error).__name__}: {error}")
        return float("inf")


def _versions(names):
    skipped = []
    found = load(names, say=skipped.append)
    return [module.version() for module in found.values()], skipped


def _spread(losses):
    return max(losses) / min(losses) - 1 if losses else 0.0


def _entrants(names, workload):
    """Return the modules of the contenders that take a work; each is loaded only once."""
    return [m for m in load(names, say=lambda line: None).values() if m.takes(workload)]

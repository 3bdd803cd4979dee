"""What a new process pays: imports, and the first fit with an empty and a filled cache."""

import ctypes
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median

from benchmarks.turns import progress

IMPORTS = {
    "python alone": "pass",
    "import sklearn.base": "import sklearn.base",
    "sklearn MLPClassifier": "from sklearn.neural_network import MLPClassifier",
    "import retrograd": "import retrograd",
    "retrograd MLPClassifier": "from retrograd import MLPClassifier",
    "import torch": "import torch",
    "import jax.numpy": "import jax.numpy",
}
CLASSIFIERS = {
    "retrograd": "retrograd.estimators.classifier",
    "scikit-learn": "sklearn.neural_network",
}
# A small fit, so that what is left of the first one's time is what the first one costs.
FIRST_FIT = """
import json, time, warnings
from {module} import MLPClassifier
import numpy as np
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
rows = rng.standard_normal((320, 20))
labels = (rows[:, 0] > 0).astype(int)
seconds = []
for _ in range(2):
    started = time.perf_counter()
    MLPClassifier((64,), batch_size=32, max_iter=2, random_state=0).fit(rows, labels)
    seconds.append(time.perf_counter() - started)
print(json.dumps(seconds))
"""
# prctl's number for "never again", and that of the superuser's right to write anywhere.
DROP, WRITE_ANYWHERE = 24, 1


def imports(repeats):
    """Time each import in new processes, taking turns; return records of median seconds."""
    snippets = {
        title: code
        for title, code in IMPORTS.items()
        if code == "pass" or find_spec(code.split()[1].split(".")[0])
    }
    seconds = {title: [] for title in snippets}
    for turn in range(repeats + 1):
        progress(f"imports, round {turn} of {repeats}")
        for title, code in snippets.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
            if turn > 0:
                seconds[title].append(time.perf_counter() - started)
    return [{"what": title, "seconds": median(values)} for title, values in seconds.items()]


def first_fits(repeats):
    """Time the first and second fit of new processes; return records of median seconds.

    The cold ones find every cache of compiled code empty; the warm ones find what a cold one
    left there. "lines" is what they said on the standard error.
    """
    records = []
    for title, module in CLASSIFIERS.items():
        if not find_spec(module.split(".")[0]):
            continue
        runs = {"empty": [], "filled": []}
        for turn in range(repeats):
            progress(f"first fits of {title}, round {turn + 1} of {repeats}")
            with tempfile.TemporaryDirectory() as folder:
                cache = {"NUMBA_CACHE_DIR": f"{folder}/numba", "XDG_CACHE_HOME": folder}
                for fits in runs.values():
                    fits.append(_fit_twice(module, cache))
        records += [_record(title, f"{cache} cache", fits) for cache, fits in runs.items()]
    return records


def read_only():
    """Time first fits from a copy of the package that can't be written; return records.

    Two new processes after another, once with a home that can be written and once without one.
    The superuser may write anywhere; these processes give that right up before they start.
    """
    found = find_spec("retrograd")
    if found is None:
        return []
    records = []
    with tempfile.TemporaryDirectory() as folder:
        package = Path(folder, "lib", "retrograd")
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(Path(found.origin).parent, package, ignore=ignored)
        home, sealed = Path(folder, "home"), Path(folder, "sealed")
        home.mkdir()
        sealed.mkdir()
        with _unwritable(package), _unwritable(sealed):
            records += _read_only_case("writable home", home, package.parent)
            records += _read_only_case("no writable home", sealed, package.parent)
    return records


def _read_only_case(title, home, path):
    progress(f"first fits from a read-only package folder, {title}")
    changes = {"HOME": str(home), "PYTHONPATH": str(path)}
    hidden = ("NUMBA_CACHE_DIR", "XDG_CACHE_HOME")
    records = []
    for process in ("first process", "second process"):
        try:
            fits = [
                _fit_twice(
                    CLASSIFIERS["retrograd"], changes, hidden, preexec_fn=_give_up_writing_anywhere
                )
            ]
        except (OSError, subprocess.SubprocessError) as error:
            progress(f"skipped {title}: {getattr(error, 'stderr', None) or error}")
            return records
        records.append(_record("retrograd", f"read-only package, {title}, {process}", fits))
    return records


@contextmanager
def _unwritable(folder):
    """Take the right to write from a folder's every part while inside."""
    modes = {part: part.stat().st_mode for part in [folder, *folder.rglob("*")]}
    for part, mode in modes.items():
        part.chmod(mode & 0o555)
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.chmod(mode)


def _give_up_writing_anywhere():
    if os.geteuid() == 0 and ctypes.CDLL(None).prctl(DROP, WRITE_ANYWHERE, 0, 0, 0) != 0:
        raise OSError("the superuser's right to write anywhere could not be dropped")


def _fit_twice(module, changes, hidden=(), **options):
    """Return the seconds of two fits in a new process, and the lines that it said."""
    environment = {k: v for k, v in os.environ.items() if k not in hidden} | changes
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FIT.format(module=module)],
        check=True,
        env=environment,
        cwd=tempfile.gettempdir(),
        capture_output=True,
        text=True,
        **options,
    )
    return *json.loads(done.stdout.splitlines()[-1]), done.stderr.splitlines()


def _record(title, cache, runs):
    first, second = (median(run[i] for run in runs) for i in (0, 1))
    lines = max((run[2] for run in runs), key=len)
    return {"contender": title, "cache": cache, "first": first, "second": second, "lines": lines}

"""What a new process pays: imports, and the first fit with an empty and a filled cache."""

import json
import os
import subprocess
import sys
import tempfile
import time
from importlib.util import find_spec
from statistics import median

IMPORTS = {
    "python alone": "pass",
    "import sklearn.base": "import sklearn.base",
    "sklearn MLPClassifier": "from sklearn.neural_network import MLPClassifier",
    "import retrograd": "import retrograd",
    "retrograd MLPClassifier": "from retrograd.estimators.classifier import MLPClassifier",
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


def imports(repeats):
    """Time each import in new processes, taking turns; return records of median seconds."""
    snippets = {
        title: code
        for title, code in IMPORTS.items()
        if code == "pass" or find_spec(code.split()[1].split(".")[0])
    }
    seconds = {title: [] for title in snippets}
    for turn in range(repeats + 1):
        print(f"imports, round {turn} of {repeats}", file=sys.stderr, flush=True)
        for title, code in snippets.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, "-c", code], check=True)
            if turn > 0:
                seconds[title].append(time.perf_counter() - started)
    return [{"what": title, "seconds": median(values)} for title, values in seconds.items()]


def first_fits(repeats):
    """Time the first and second fit of new processes; return records of median seconds.

    The cold ones find every cache of compiled code empty; the warm ones find what a cold one
    left there.
    """
    found = {t: m for t, m in CLASSIFIERS.items() if find_spec(m.split(".")[0])}
    cold, warm = {t: [] for t in found}, {t: [] for t in found}
    for turn in range(repeats):
        print(f"first fits, round {turn + 1} of {repeats}", file=sys.stderr, flush=True)
        for title, module in found.items():
            with tempfile.TemporaryDirectory() as empty:
                cold[title].append(_fit_twice(module, empty))
                warm[title].append(_fit_twice(module, empty))
    records = []
    for title in found:
        for cache, runs in (("empty", cold[title]), ("filled", warm[title])):
            first, second = (median(run[i] for run in runs) for i in (0, 1))
            records.append({"contender": title, "cache": cache, "first": first, "second": second})
    return records


def _fit_twice(module, cache):
    environment = os.environ | {"NUMBA_CACHE_DIR": f"{cache}/numba", "XDG_CACHE_HOME": cache}
    done = subprocess.run(
        [sys.executable, "-c", FIRST_FIT.format(module=module)],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])

"""What the tests of the playground do with its panel, and wait for."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from playwright.sync_api import Page

from retrograd.estimators.rewinding import open_runs
from retrograd.faces.page.playground import Playground
from retrograd.faces.page.serving import Serving
from retrograd.rewind.run import Run

TABLE = "size,colour,price\n" + "".join(
    f"{k % 17},{'red' if k % 3 else 'blue'},{2.5 * (k % 17) + (k % 3):.1f}\n" for k in range(60)
)


@contextmanager
def served(viewer: Playground) -> Iterator[str]:
    """Serve it, and close it at last, come what may; the address."""
    serving = Serving(viewer.answer)
    thread = threading.Thread(target=serving.run)
    thread.start()
    try:
        yield serving.address
    finally:
        serving.stop()
        thread.join(10)
        viewer.close()


def settled(viewer: Playground) -> dict[str, Any]:
    """Wait until nothing is under way; how it stands."""
    end = time.monotonic() + 60
    while viewer.trainings.is_active:
        assert time.monotonic() < end, viewer.trainings.last
        time.sleep(0.01)
    return viewer.trainings.last


def field(page: Page, name: str) -> Any:
    return page.locator(".build").get_by_label(name, exact=True)


def press(page: Page, name: str) -> None:
    page.locator(".build").get_by_role("button", name=name, exact=True).click()


def status(page: Page) -> Any:
    return page.locator(".build .status")


def last(viewer: Playground) -> Run:
    """The newest run, which a page's training has made."""
    return open_runs(viewer.path)[-1]


def same_bits(one: Any, other: Any) -> bool:
    pairs = zip([*one.coefs, *one.intercepts], [*other.coefs, *other.intercepts], strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)

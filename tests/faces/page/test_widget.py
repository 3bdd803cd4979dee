"""The page in a notebook: asks its kernel, and is there without one, too."""

import base64
import builtins
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

import retrograd
from retrograd import open_run, view
from retrograd.rewind.store import RunFileError

# A model as anywidget hands one to a widget, whose messages go through the browser to Python.
BRIDGE = """
const listeners = new Set();
window.hearKernel = (bytes) => {
  const data = new DataView(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
  for (const listener of listeners) listener({}, [data]);
};
window.draw = async (source, kept, run, busy) => {
  const widget = await import(URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const model = {
    get: (name) => ({ kept, run })[name],
    on: (event, listener) => { if (event === "msg:custom") listeners.add(listener); },
    off: (event, listener) => listeners.delete(listener),
    send: (content) => { if (!busy) window.askKernel(content); },
  };
  window.removed = await widget.default.render({ model, el: document.getElementById("output") });
};
"""


@pytest.fixture
def notebook(browse: Callable) -> Callable[..., Page]:
    """Show a widget as a front end does; ``busy`` is a kernel that does not answer."""

    def show(widget: Any, busy: bool = False) -> Page:
        page = browse("about:blank", ready=False)
        page.set_content(f"<style>{widget._css}</style><div id=output></div>")

        def send(_: dict, buffers: list[bytes]) -> None:
            page.evaluate(
                "bytes => hearKernel(bytes)", base64.b64encode(b"".join(buffers)).decode()
            )

        widget.send = send
        answers: list[dict] = []
        page.expose_function("askKernel", lambda content: answers.append(content))
        page.add_script_tag(content=BRIDGE)
        page.evaluate(
            "([source, kept, run, busy]) => draw(source, kept, run, busy)",
            [widget._esm, widget.kept, widget.run, busy],
        )
        # Playwright's functions must not wait for the browser, so the kernel answers from here.
        page.kernel = lambda: [widget._answer(widget, answers.pop(0), []) for _ in [*answers]]
        return page

    return show


def settle(page: Page, text: str) -> None:
    """Let the kernel answer until the timeline says where it is."""
    for _ in range(100):
        page.kernel()  # type: ignore[attr-defined]
        if page.locator(".timeline .place").all_text_contents() == [text]:
            break
        page.wait_for_timeout(30)
    for _ in range(10):
        page.kernel()  # type: ignore[attr-defined]
        page.wait_for_timeout(30)
    expect(page.locator(".timeline .place")).to_have_text(text)


def test_it_asks_its_kernel(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Any step, by a click on the timeline and by keys; and numbers are the run's."""
    page = notebook(view(recorded["spiral"]))
    settle(page, "step 400 of 400")
    box = page.locator(".slider").bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 60)
    settle(page, "step 200 of 400")
    page.keyboard.press("ArrowLeft")
    settle(page, "step 199 of 400")
    weight = open_run(recorded["spiral"]).at(199).coefs[1][3, 2]
    link = page.locator('[data-link="1,3,2"] title')
    expect(link).to_have_text(f"coefs[1][3, 2] = {weight}".replace("-", "−"))


def test_without_a_kernel(notebook: Callable, recorded: dict[str, Path]) -> None:
    """It shows the moments that it keeps, and says so."""
    page = notebook(view(recorded["spiral"]), busy=True)
    expect(page.locator(".still")).to_contain_text("snapshot")
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")
    weight = open_run(recorded["spiral"]).at(400).coefs[1][3, 2]
    link = page.locator('[data-link="1,3,2"] title')
    expect(link).to_have_text(f"coefs[1][3, 2] = {weight}".replace("-", "−"))


def test_without_widgets(browse: Callable, recorded: dict[str, Path]) -> None:
    """A notebook's HTML has a still page in a frame, which can reach nothing outside of it."""
    data, _ = view(recorded["spiral"])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    page = browse("about:blank", ready=False)
    page.set_content(data["text/html"])
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts"
    frame = page.frame_locator("iframe")
    expect(frame.locator(".timeline .place")).to_have_text("step 400 of 400")
    frame.locator("#retrograd").press("Home")
    expect(frame.locator(".timeline .place")).to_have_text("step 0 of 400")


def test_a_notebook_as_html(browse: Callable, recorded: dict[str, Path], tmp_path: Path) -> None:
    """Run by a kernel and written by nbconvert, it still shows the run."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import nbclient
        import nbformat
        from nbconvert import HTMLExporter

        code = f"import retrograd\nretrograd.view({str(recorded['spiral'])!r})"
        book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
        nbclient.NotebookClient(book, timeout=120, store_widget_state=False).execute()
        html, _ = HTMLExporter(exclude_input=True).from_notebook_node(book)
    (output,) = book.cells[0].outputs
    assert {"text/html", "application/vnd.jupyter.widget-view+json"} <= output.data.keys()
    path = tmp_path / "book.html"
    path.write_text(html)
    page = browse("about:blank", ready=False)
    page.route(lambda url: url.startswith("http"), lambda route: route.fulfill(body=""))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    expect(frame.locator(".timeline .place")).to_have_text("step 400 of 400")


def test_a_recorder_and_a_run(recorded: dict[str, Path]) -> None:
    """May be shown as well as a file, and are told in one line."""
    run = open_run(recorded["spiral"])
    widget = view(run)
    data, _ = widget._repr_mimebundle_()
    assert data["text/plain"] == repr(run)
    with pytest.raises(RunFileError, match="has no runs"):
        view(retrograd.Recorder())


def test_a_bad_message_is_answered(recorded: dict[str, Path]) -> None:
    """Whatever it is, or, if there is nothing to answer to, passed over."""
    widget = view(recorded["spiral"])
    sent: list[bytes] = []
    widget.send = lambda content, buffers: sent.extend(buffers)
    for text in ("{", "[" * 100_000, '{"number": 3, "ask": "nothing"}'):
        widget._answer(widget, {"text": text}, [])
    for content in (None, "runs", {"text": 3}, {}):
        widget._answer(widget, content, [])
    said = [json.loads(message[4:]) for message in sent]
    assert [one["number"] for one in said] == [None, None, 3]
    assert all(one["error"] for one in said)


def test_without_anywidget(recorded: dict[str, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence says what to install."""
    found = builtins.__import__

    def missing(name: str, *rest: Any, **options: Any) -> Any:
        if name == "anywidget":
            raise ModuleNotFoundError("No module named 'anywidget'", name="anywidget")
        return found(name, *rest, **options)

    monkeypatch.delitem(sys.modules, "retrograd.faces.page.widget", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    with pytest.raises(ImportError, match=r'needs anywidget: pip install "retrograd\[notebook\]"'):
        view(recorded["spiral"])

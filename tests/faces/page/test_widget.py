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
from retrograd import MLPClassifier, open_run, open_runs, view
from retrograd.rewind.store import RunFileError

# A model as anywidget hands one to a widget, whose messages go through the browser to Python.
BRIDGE = """
const listeners = new Set();
window.kernel = "answers";
window.hearKernel = (bytes) => {
  const data = new DataView(Uint8Array.from(atob(bytes), (c) => c.charCodeAt(0)).buffer);
  for (const listener of [...listeners]) listener({}, [data]);
};
window.listening = () => listeners.size;
window.draw = async (source, kept, run, el) => {
  window.widget ??= await import(
    URL.createObjectURL(new Blob([source], {type: "text/javascript"})));
  const model = {
    get: (name) => ({ kept, run })[name],
    on: (event, listener) => { if (event === "msg:custom") listeners.add(listener); },
    off: (event, listener) => listeners.delete(listener),
    send: (content) => {
      if (window.kernel === "gone") throw new Error("Cannot send");
      if (window.kernel === "answers") window.askKernel(content);
    },
  };
  window.remove = await window.widget.default.render({ model, el });
};
"""
OUTPUT = "document.getElementById('output')"


@pytest.fixture
def notebook(browse: Callable) -> Callable[..., Page]:
    """Show a widget as a front end does; ``busy`` is a kernel that does not answer.

    ``style`` is the notebook's own; ``within`` says in JavaScript what the widget is drawn in.
    """

    def show(widget: Any, busy: bool = False, style: str = "", within: str = OUTPUT) -> Page:
        page = browse("about:blank", ready=False)
        page.set_content(
            f"<title>my notebook</title><style>{widget._css}</style><style>{style}</style>"
            "<div id=output></div><div id=other></div>"
        )

        def send(_: dict, buffers: list[bytes]) -> None:
            page.evaluate(
                "bytes => hearKernel(bytes)", base64.b64encode(b"".join(buffers)).decode()
            )

        widget.send = send
        answers: list[dict] = []
        page.expose_function("askKernel", lambda content: answers.append(content))
        page.add_script_tag(content=BRIDGE)
        if busy:
            page.evaluate("kernel = 'busy'")
        page.draw = lambda within: page.evaluate(
            f"([source, kept, run]) => draw(source, kept, run, {within})",
            [widget._esm, widget.kept, widget.run],
        )
        page.draw(within)
        # Playwright's functions must not wait for the browser, so the kernel answers from here.
        page.asked = answers
        page.kernel = lambda: [widget._answer(widget, answers.pop(0), []) for _ in [*answers]]
        return page

    return show


def settle(page: Page, text: str) -> None:
    """Let the kernel answer until the timeline says where it is."""
    for _ in range(100):
        page.kernel()  # type: ignore[attr-defined]
        if set(page.locator(".timeline .place").all_text_contents()) == {text}:
            break
        page.wait_for_timeout(30)
    for _ in range(10):
        page.kernel()  # type: ignore[attr-defined]
        page.wait_for_timeout(30)
    for place in page.locator(".timeline .place").all():
        expect(place).to_have_text(text)


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


def test_a_kernel_that_was_busy(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Once it answers any step can be had, and the still page hears no more keys."""
    page = notebook(view(recorded["spiral"]))
    expect(page.locator(".still")).to_contain_text("snapshot")
    page.locator(".retrograd").press("Home")
    expect(page.locator(".timeline .place")).to_have_text("step 0 of 400")
    settle(page, "step 0 of 400")
    expect(page.locator(".still")).to_be_hidden()
    expect(page.locator(".retrograd")).to_be_focused()
    page.keyboard.press("ArrowRight")
    settle(page, "step 1 of 400")


def test_a_kernel_that_is_gone(notebook: Callable, recorded: dict[str, Path]) -> None:
    """What is kept is shown where one was, and it is said why."""
    page = notebook(view(recorded["spiral"]))
    settle(page, "step 400 of 400")
    page.locator(".retrograd").press("Home")
    settle(page, "step 0 of 400")
    page.evaluate("kernel = 'gone'")
    page.locator(".retrograd").press("ArrowRight")
    expect(page.locator(".still")).to_contain_text("snapshot")
    expect(page.locator(".notice")).to_contain_text("is gone: run the cell again")
    expect(page.locator(".retrograd")).to_be_focused()
    page.keyboard.press("End")
    expect(page.locator(".timeline .place")).to_have_text("step 400 of 400")


def test_a_kernel_that_grows_silent(notebook: Callable, recorded: dict[str, Path]) -> None:
    """That is said, until it answers."""
    page = notebook(view(recorded["spiral"]))
    settle(page, "step 400 of 400")
    page.locator(".retrograd").press("Home")
    expect(page.locator(".notice")).to_contain_text("The kernel does not answer")
    settle(page, "step 0 of 400")
    expect(page.locator(".notice")).to_have_text("")


def test_keys_stay_in_it(notebook: Callable, recorded: dict[str, Path]) -> None:
    """In a notebook d, d deletes the cell; but what runs a cell, or saves, is the notebook's.

    JupyterLab hears keys last; Notebook 7 hears them first, unless an element is marked.
    """
    page = notebook(view(recorded["spiral"]))
    page.evaluate("""() => {
      window.keys = [];
      window.early = [];
      document.addEventListener('keydown', (e) => keys.push(e.key));
      document.addEventListener('keydown', (e) => {
        if (!e.target.hasAttribute('data-lm-suppress-shortcuts')) early.push(e.key);
      }, true);
    }""")
    settle(page, "step 400 of 400")
    for key in ("d", "d", "ArrowLeft", "ArrowUp", "Enter", "Escape", "Control+s", "Shift+Enter"):
        page.locator(".retrograd").press(key)
    page.locator(".find input").press("x")
    page.locator(".find input").press("Shift+Enter")
    # The last one, in a field, is the field's.
    assert page.evaluate("keys") == ["Control", "s", "Enter"]
    assert page.evaluate("early") == ["Control", "s", "Enter"]


def test_two_views_of_one_widget(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Each hears all answers, and takes its own; the document's name stays the notebook's."""
    page = notebook(view(recorded["spiral"]))
    page.draw("document.getElementById('other')")
    page.wait_for_function("listening() === 2")
    numbers = [json.loads(one["text"])["number"] for one in page.asked]
    assert len(set(numbers)) == 2
    settle(page, "step 400 of 400")
    page.locator("#other .retrograd").press("Home")
    for _ in range(40):
        page.kernel()
        page.wait_for_timeout(20)
    places = page.locator(".timeline .place").all_text_contents()
    assert places == ["step 400 of 400", "step 0 of 400"]
    assert page.title() == "my notebook"


def test_as_dark_as_the_notebook(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Whatever the browser prefers; and it follows, until one chooses for it."""
    page = notebook(
        view(recorded["spiral"]), style="body { color: #ddd } body.light { color: #222 }"
    )
    settle(page, "step 400 of 400")
    root = page.locator(".retrograd")
    expect(root).to_have_attribute("data-theme", "dark")
    page.evaluate("document.body.className = 'light'")
    expect(root).to_have_attribute("data-theme", "light")
    page.get_by_role("button", name="Light or dark").click()
    expect(root).to_have_attribute("data-theme", "dark")
    page.evaluate("document.body.className = 'light other'")
    page.wait_for_timeout(500)
    expect(root).to_have_attribute("data-theme", "dark")


def test_it_is_as_wide_as_its_cell(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Its columns are as many as find room there, not in the window."""
    page = notebook(view(recorded["spiral"]), style="#output { max-width: 600px }")
    settle(page, "step 400 of 400")
    columns = (
        "getComputedStyle(document.querySelector('.desk')).gridTemplateColumns.split(' ').length"
    )
    assert page.evaluate(columns) == 1
    page.evaluate("document.getElementById('output').style.maxWidth = 'none'")
    page.wait_for_function(f"{columns} === 3")
    # Side by side, as in a box of ipywidgets, each must ask for some room.
    page.draw("document.getElementById('other')")
    settle(page, "step 400 of 400")
    page.evaluate("document.body.style.display = 'flex'")
    for root in page.locator(".retrograd").all():
        assert root.bounding_box()["width"] == 480


def test_the_style_around_it(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Neither a notebook's own style, nor where it puts a cell, puts anything out of its place."""
    around = (
        "#output { contain: strict; height: 900px; margin-left: 150px } dialog { margin: 0 }"
        "dt { float: left; font-weight: bold; width: 20% }"
    )
    page = notebook(view(recorded["spiral"]), style=around)
    settle(page, "step 400 of 400")
    unit = page.locator(".network [data-unit='0,2']").first
    unit.hover()
    for _ in range(20):
        page.wait_for_timeout(30)
        page.kernel()
    card = page.locator(".hover-card")
    expect(card).to_be_visible()
    at, shown = unit.bounding_box(), card.bounding_box()
    assert abs(shown["x"] - at["x"] - at["width"] / 2 - 18) < 2
    name = card.locator("dt").first
    assert (
        name.evaluate("e => getComputedStyle(e).fontWeight + getComputedStyle(e).float")
        == "400none"
    )
    page.get_by_role("button", name="Take away").click()
    page.get_by_role("menuitem", name="Code").click()
    for _ in range(10):
        page.kernel()
        page.wait_for_timeout(30)
    box = page.locator("dialog").bounding_box()
    assert abs(2 * box["x"] + box["width"] - 1280) < 4


def test_in_a_shadow(notebook: Callable, recorded: dict[str, Path]) -> None:
    """As marimo draws it: keys go on from what has the focus, and a click in a menu is one."""
    page = notebook(
        view(recorded["spiral"]),
        within=f"""(() => {{
          const root = {OUTPUT}.attachShadow({{ mode: "open" }});
          const style = document.querySelector("style").cloneNode(true);
          root.append(style, document.createElement("div"));
          return root.lastChild;
        }})()""",
    )
    settle(page, "step 400 of 400")
    page.get_by_role("button", name="Take away").click()
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem", name="Model file")).to_be_focused()
    with page.expect_download() as download:
        page.get_by_role("menuitem", name="Network as SVG").click()
    assert download.value.suggested_filename == "spiral-step400-network.svg"


def test_it_leaves_nothing_behind(notebook: Callable, recorded: dict[str, Path]) -> None:
    """Taken away, as where its cell is run again, it hears and asks no more, even if it played."""
    page = notebook(view(recorded["spiral"]))
    settle(page, "step 400 of 400")
    page.locator(".retrograd").press(" ")
    for _ in range(10):
        page.kernel()
        page.wait_for_timeout(30)
    page.evaluate("remove()")
    page.kernel()
    page.wait_for_timeout(100)
    page.asked.clear()
    page.wait_for_timeout(300)
    assert page.asked == []
    assert page.evaluate("listening()") == 0
    assert page.locator(".retrograd").count() == 0


def test_without_widgets(browse: Callable, recorded: dict[str, Path]) -> None:
    """A notebook's HTML has a still page in a frame, which can reach nothing outside of it."""
    data, _ = view(recorded["spiral"])._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in data
    page = browse("about:blank", ready=False)
    page.set_content(data["text/html"])
    assert page.locator("iframe").get_attribute("sandbox") == "allow-scripts allow-downloads"
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
    (output,) = [one for one in book.cells[0].outputs if one.output_type != "stream"]
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
    for what in (run[3], open_runs(recorded["spiral"])):
        assert view(what).run == run.number
    with pytest.raises(RunFileError, match="has no runs"):
        view(retrograd.Recorder())


def test_what_is_no_run(recorded: dict[str, Path]) -> None:
    """Says what is to be passed."""
    for what, name in ((3, "int"), (None, "NoneType"), (MLPClassifier(), "MLPClassifier")):
        with pytest.raises(TypeError, match=f"by a path or a Recorder, not a {name}"):
            view(what)


def test_a_cell_that_is_run_again(recorded: dict[str, Path]) -> None:
    """Its widget before, which the notebook holds for ever, keeps no moments at hand."""
    run = open_run(recorded["spiral"])
    before = view(run)
    for step in range(20):
        before._viewer.answer("moment", {"run": 1, "step": step})
    held = before._viewer._moments
    assert len(held) > 1
    after = view(run)
    assert not held
    assert after._viewer.answer("moment", {"run": 1, "step": 3})["step"] == 3
    assert before._viewer.answer("moment", {"run": 1, "step": 4})["step"] == 4


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

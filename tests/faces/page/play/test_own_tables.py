"""Tables of one's own: chosen, dropped, refused, and what is made of them."""

import re
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from panel import TABLE, field, last, press, same_bits, served, settled
from playwright.sync_api import Page, expect

from retrograd.estimators.rewinding import open_run
from retrograd.export.model_file import read_facts
from retrograd.faces.models import load_model
from retrograd.faces.page.answers.playing import PLAY_ANSWERS, build
from retrograd.faces.page.playground import Playground, source_of
from retrograd.faces.page.playing import begin
from retrograd.tables.reading import read_table


def check_table(page: Page, viewer: Playground) -> None:
    """Train on the table that has just been taken, and compare with how its code makes it."""
    field(page, "Learn").select_option("price")
    expect(page.locator(".build .words summary")).to_have_text("60 rows, 3 features, regression")
    press(page, "Train")
    expect(page.locator(".head .facts")).to_contain_text("3 → 6 → 4 → 1")
    settled(viewer)
    expect(page.locator(".outcome")).to_contain_text("targets are standardised")
    run = last(viewer)
    assert run.header.estimator["feature_names"] == ["size", "colour=blue", "colour=red"]
    assert abs(run.data.y.mean()) < 1e-12
    assert run.data.y.std() == pytest.approx(1.0)


def test_a_table_is_chosen(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """Read as data; its code makes the same arrays."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    check_table(page, viewer)
    source = source_of(last(viewer))
    assert source is not None
    assert "but not its path: put that here.\nproblem = pose(read_table('goods.csv')" in source
    made: dict[str, Any] = {}
    exec(source.replace("goods.csv", str(tmp_path / "goods.csv")), made)
    assert np.array_equal(last(viewer).data.X, made["X"].to_numpy())
    assert np.array_equal(last(viewer).data.y[:, 0], made["y"])


def test_a_table_is_dropped(page: Page, viewer: Playground) -> None:
    """Anywhere on the page."""
    files = page.evaluate_handle(
        "text => { const files = new DataTransfer();"
        " files.items.add(new File([text], 'dropped.csv')); return files; }",
        TABLE,
    )
    page.dispatch_event(".network", "dragover", {"dataTransfer": files})
    expect(page.locator("#retrograd")).to_have_class(re.compile("dropping"))
    page.dispatch_event(".network", "drop", {"dataTransfer": files})
    expect(page.locator("#retrograd")).not_to_have_class(re.compile("dropping"))
    check_table(page, viewer)


def test_parquet(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """Is read as well."""
    pl.read_csv(TABLE.encode()).write_parquet(tmp_path / "goods.parquet")
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.parquet")
    check_table(page, viewer)


def test_code_finds_a_table_in_a_file_that_stays(
    viewer: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a page gets a table but not its path; the code trains the same network."""
    (tmp_path / "goods.csv").write_text(TABLE)
    monkeypatch.setattr(viewer, "stays", True)
    viewer.take(read_table(tmp_path / "goods.csv"), "goods.csv")
    build(viewer, viewer.settings | {"data": "table", "target": "price", "epochs": "3"})
    settled(viewer)
    run = last(viewer)
    code = viewer.answer("code", {"run": run.number})["text"]
    assert f"open_run({str(viewer.path)!r}, run={run.number})" in code
    # It warns that it was short, which is for a process whose filters no page's question shares.
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True)
    assert same_bits(open_run(tmp_path / "play-again.retro")[-1], run[-1])


def test_a_tables_model_takes_tables(page: Page, viewer: Playground, tmp_path: Path) -> None:
    """The file that is taken away predicts prices, of columns as they were in the table."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    check_table(page, viewer)
    expect(page).to_have_url(re.compile(rf"run={last(viewer).number}\b"))
    page.get_by_role("button", name="Take away").click()
    with page.expect_download() as coming:
        page.get_by_role("menuitem", name="Model file").click()
    coming.value.save_as(tmp_path / "model.safetensors")
    model, table = load_model(tmp_path / "model.safetensors"), read_table(tmp_path / "goods.csv")
    prices = table.frame["price"].cast(float).to_numpy()
    assert np.corrcoef(model.predict(table.frame.drop("price")), prices)[0, 1] > 0.9
    facts = read_facts(tmp_path / "model.safetensors")["facts"]
    step = int(re.search(r"-step(\d+)\.", coming.value.suggested_filename)[1])
    assert facts == {"file": "goods.csv", "target": {"name": "price"}, "task": "regression",
                     "run": last(viewer).number, "step": step}  # fmt: skip


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("goods.csv", b"a,b\n1,2\n3\n", "goods.csv, line 3: 1 cell, the header has 2"),
        ("wide.csv", b"a," * 30_000 + b"b\n1\n", "wide.csv has 30,001 columns, and the page takes"),
        ("goods.xlsx", b"PK", "goods.xlsx ends in '.xlsx'; tables are read from"),
        ("goods.parquet", b"PAR1", "goods.parquet is not a Parquet file, or is damaged"),
    ],
)
def test_bad_files(
    page: Page, viewer: Playground, tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """One sentence, and nothing is lost."""
    (tmp_path / name).write_bytes(content)
    field(page, "Epochs").fill("77")
    page.get_by_label("A table of your own").set_input_files(tmp_path / name)
    expect(page.locator(".build .wrong:not(:empty)")).to_contain_text([message])
    expect(field(page, "Epochs")).to_have_value("77")
    expect(field(page, "Data")).to_have_value("circle")


def test_a_table_that_takes_long(
    page: Page, viewer: Playground, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Is said to be made ready, until it is."""
    (tmp_path / "goods.csv").write_text(TABLE)
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.csv")
    words = page.locator(".build .words")
    expect(field(page, "Learn")).to_have_value("")
    answer, may = viewer.answers["data"], threading.Event()

    def slowly(*args: Any, **more: Any) -> Any:
        may.wait(30)
        return answer(*args, **more)

    monkeypatch.setitem(viewer.answers, "data", slowly)
    field(page, "Learn").select_option("price")
    try:
        expect(words).to_have_text("preparing the table …")
    finally:
        may.set()
    expect(words.locator("summary")).to_have_text("60 rows, 3 features, regression")


def test_a_refused_file_beside_a_slow_answer(
    page: Page, viewer: Playground, tmp_path: Path
) -> None:
    """What is said of the data meanwhile does not wipe away what is wrong with the file."""
    (tmp_path / "goods.xlsx").write_bytes(b"PK")
    field(page, "Data").select_option("digits")
    page.get_by_label("A table of your own").set_input_files(tmp_path / "goods.xlsx")
    words = page.locator(".build .words summary")
    expect(words).to_have_text("1,797 rows, 64 features, 10 classes")
    expect(page.locator(".build .wrong:not(:empty)")).to_contain_text(["goods.xlsx ends in"])
    field(page, "Data").select_option("circle")
    expect(page.locator(".build .wrong:not(:empty)")).to_have_count(0)


def test_without_a_target(
    browse: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is trained, and nothing else is shown, until a column is chosen.

    Its code finds the table from elsewhere, too.
    """
    monkeypatch.chdir(tmp_path)
    (tmp_path / "goods.csv").write_text(TABLE)
    viewer = Playground(
        tmp_path / "play.retro", PLAY_ANSWERS, read_table(tmp_path / "goods.csv"), "goods.csv"
    )
    begin(viewer, None)
    with served(viewer) as address:
        page = browse(address, ready=False)
        press(page, "Train")
        expect(field(page, "Data")).to_have_value("table")
        expect(page.locator(".timeline")).to_be_hidden()
        wrong = page.locator(".build .wrong:not(:empty)")
        expect(wrong).to_have_text("choose the column to learn")
        page.wait_for_timeout(500)  # the answer about the data comes late, and leaves that be
        expect(wrong).to_have_text("choose the column to learn")
        field(page, "Learn").select_option("colour")
        expect(wrong).to_have_count(0)
        press(page, "Train")
        expect(page.locator(".timeline .place")).to_have_text(re.compile("step"))
        page.close()  # which would complain of a server that is gone
    assert last(viewer).header.estimator["classes"]["labels"] == ["blue", "red"]
    monkeypatch.chdir(tmp_path.parent)
    made: dict[str, Any] = {}
    exec(source_of(last(viewer)) or "", made)
    assert {*made["y"]} == {"blue", "red"}

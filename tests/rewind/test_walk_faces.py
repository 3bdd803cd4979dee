"""The walk as LaTeX, as HTML and as plain data: whole, harmless, and with every number."""

import json
import re
from dataclasses import fields
from html.parser import HTMLParser

import numpy as np

from retrograd.rewind.trace import LayerTrace, Trace
from retrograd.rewind.walk.numbers import writer
from walks import (
    SQUARED,
    make_trace,
)


def test_latex_could_be_compiled(trace: Trace) -> None:
    """ASCII; environments and braces that match; no matrix wider than LaTeX allows."""
    latex = trace.to_latex()
    assert latex.isascii()
    assert "?" not in latex
    open_ones = []
    for kind, name in re.findall(r"\\(begin|end)\{(\w+\*?)\}", latex):
        if kind == "begin":
            open_ones.append(name)
        else:
            assert open_ones.pop() == name
    assert not open_ones
    bare = re.sub(r"\\[{}\\]", "", latex)
    assert bare.count("{") == bare.count("}")
    assert not re.search(r"\\begin\{align\*\}\s*\\end", latex)
    for body in re.findall(r"\\begin\{p?matrix\}(.*?)\\end", latex):
        rows = body.split(r"\\")
        assert len(rows) <= 10
        assert all(row.count("&") <= 9 for row in rows)
    for align in re.findall(r"\\begin\{align\*\}(.*?)\\end\{align\*\}", latex, re.DOTALL):
        assert "\n\n" not in align, "an empty line ends mathematics"
    text_only = re.sub(r"\\begin\{align\*\}.*?\\end\{align\*\}", "", latex, flags=re.DOTALL)
    text_only = re.sub(r"(?<!\\)\$.*?(?<!\\)\$", "", text_only.split("\n", 1)[1])
    assert not re.search(r"(?<!\\)[_^#&$%~]", text_only)
    assert "z_{0} &= \\mathrm{input}_{0} W_{0} + b_{0} = \\begin{pmatrix}" in latex


class Tags(HTMLParser):
    """What a fragment of HTML consists of."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        self.seen.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_html_is_whole_and_harmless(trace: Trace) -> None:
    """Tags match, nothing is run or fetched, the numbers are those of the text."""
    html = trace._repr_html_()
    tags = Tags(html)
    assert tags.open == []
    assert tags.seen <= {
        "div", "style", "h3", "p", "details", "summary", "code", "span", "table", "tr", "td",
    }  # fmt: skip
    assert tags.attributes <= {"class", "open"}
    assert "://" not in html
    assert "url(" not in html
    assert "background: #" not in html, "it is as light or dark as what is around"
    for section in trace.document().sections:
        assert section.title in tags.text
    write = writer(trace.layers[-1].b)
    assert f"<td>{write(trace.layers[-1].b[0])}</td>" in html


def test_plain_data(trace: Trace) -> None:
    """Goes through JSON and has every number, bit for bit."""
    again = json.loads(json.dumps(trace.to_dict(), allow_nan=False))
    assert again["loss"] == trace.loss
    assert again["network"]["widths"] == list(trace.network.widths)
    assert again["optimizer"]["solver"] == trace.optimizer.solver
    for layer, told in zip(trace.layers, again["layers"], strict=True):
        assert told["activation"] == layer.activation
        for field in fields(LayerTrace)[3:]:
            np.testing.assert_array_equal(told[field.name], getattr(layer, field.name))
    for name in ("rows", "y", "slots", "theta_after", "update"):
        value = getattr(trace, name)
        np.testing.assert_array_equal(np.reshape(again[name], value.shape), value)


def test_plain_data_keeps_nan_and_infinity() -> None:
    """As words that ``float`` reads."""
    with np.errstate(all="ignore"):
        trace = make_trace((2, 3, 1), "relu", SQUARED, 3, steps=0, scale=1e200)
    again = json.loads(json.dumps(trace.to_dict(), allow_nan=False))
    assert again["loss"] == "inf"
    read = np.vectorize(float)(np.array(again["layers"][0]["W_after"], dtype=object))
    np.testing.assert_array_equal(read, trace.layers[0].W_after)
    assert not np.isfinite(read).all()

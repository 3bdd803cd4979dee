// A matrix as a picture: one cell an entry, or a coarser one where it is large; the exact number
// is under the pointer.

import { isDark, signedPixels } from "./colours.js";
import { h, onPointer } from "./dom.js";
import { brief, exactOf } from "./numbers.js";

// Pixels that a single row is high, and that several are at least: of few inputs and very many units, too.
const STRIP = 14;
const LEAST_HEIGHT = 20;

/**
 * Draw a matrix.
 *
 * `picture` is what picture() of answers/network.py makes. `fetch(row, column)` promises the exact
 * number where the picture is coarse, `name(row, column)` says what an entry is called, and
 * `onPick(row, column)` is called on a click; `note(row, column)` is told after the number. Cells are
 * at least `least` pixels high, at most `most`. The element's `update(picture)` draws other numbers in
 * their place, and its `mark(row, column)` frames an entry, or a whole row if the column is null.
 */
export function heatmap(picture, { width = 320, most = 16, least = 1, height = 240, name = null, fetch = null, onPick = null, note = null, title = "" } = {}) {
  const [rows, columns] = picture.values.shape;
  const [trueRows, trueColumns] = picture.shape;
  const cell = Math.min(most, width / columns);
  const tall = rows === 1 ? Math.max(cell, STRIP)
    : Math.max(least, LEAST_HEIGHT / rows, Math.min(cell, Math.max(height / rows, 1)));
  const frame = h("i", { class: "frame", hidden: true });
  // A pixel an entry; the browser makes them as large as they are to be. Where cells are narrower than
  // a pixel of the screen, it is of all their colours; but not of those of other rows.
  const lines = cell < 1 ? Math.max(1, Math.round(tall)) : 1;
  const canvas = h("canvas", {
    class: "heatmap", width: columns, height: rows * lines,
    style: { width: `${columns * cell}px`, height: `${rows * tall}px`, imageRendering: cell < 1 ? "auto" : "pixelated" },
  });
  const context = canvas.getContext("2d", { willReadFrequently: true });
  const told = h("output", { class: "under number" });
  const element = h("div", {
    class: "heat", tabindex: 0, role: "img", "data-keys": true, "aria-label": label(),
  }, canvas, frame, told);
  let at = null;
  // Only once it stands somewhere is it known whether that ground is dark.
  queueMicrotask(paint);

  function label() {
    return `${title || "matrix"}, ${trueRows} by ${trueColumns}, largest magnitude ${brief(picture.top)}`;
  }

  function paint() {
    const image = context.createImageData(columns, rows * lines);
    const top = picture.top || 1;
    const { values } = picture.values;
    const pixels = new Uint32Array(image.data.buffer);
    const pixelOf = signedPixels(isDark(element));
    for (let k = 0; k < values.length; k += 1) {
      const column = k % columns;
      const pixel = pixelOf(values[k] / top);
      for (let line = 0; line < lines; line += 1) pixels[lines * (k - column) + line * columns + column] = pixel;
    }
    context.putImageData(image, 0, 0);
  }

  function entry(event) {
    const box = canvas.getBoundingClientRect();
    // Its border holds no entries.
    const [x, y] = [event.clientX - box.left - canvas.clientLeft, event.clientY - box.top - canvas.clientTop];
    const column = Math.floor((x / (box.width - 2 * canvas.clientLeft)) * columns);
    const row = Math.floor((y / (box.height - 2 * canvas.clientTop)) * rows);
    return [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
  }

  /** Entry of the matrix itself that a cell of the picture stands for: the first of its block. */
  function real(row, column) {
    return [beginOfBlock(row, rows, trueRows), beginOfBlock(column, columns, trueColumns)];
  }

  function tell(row, column) {
    const here = [row, column];
    at = here;
    const [r, c] = real(row, column);
    const called = name ? name(r, c) : `[${r}, ${c}]`;
    const more = note ? ` · ${note(r, c)}` : "";
    if (picture.whole) told.textContent = `${called} = ${exactOf(picture.values, row * columns + column)}${more}`;
    else {
      told.textContent = `${called} … largest nearby ${exactOf(picture.values, row * columns + column)}`;
      fetch?.(r, c).then((text) => { if (at === here && text) told.textContent = `${called} = ${text}${more}`; });
    }
  }

  onPointer(canvas, (event) => tell(...entry(event)));
  // The keys go on leading from step to step after a click; within the picture for who tabs to it.
  canvas.addEventListener("mousedown", keepKeys);
  canvas.addEventListener("click", (event) => onPick?.(...real(...entry(event))));
  element.addEventListener("focus", () => tell(...(at ?? [0, 0])));
  element.addEventListener("keydown", (event) => {
    at ??= [0, 0];
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (move) {
      tell(Math.max(0, Math.min(rows - 1, at[0] + move[0])), Math.max(0, Math.min(columns - 1, at[1] + move[1])));
    } else if (event.key === "Enter") onPick?.(...real(...at));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  element.update = (next) => {
    picture = next;
    element.setAttribute("aria-label", label());
    paint();
    if (at) tell(...at);
  };
  element.mark = (row, column) => {
    frame.hidden = row === null;
    if (frame.hidden) return;
    // Shares of what is inside the canvas's border, however large that is shown; around them its own one.
    const share = (part, of, more) => `calc((100% - 2px) * ${part / of} ${more}px)`;
    Object.assign(frame.style, {
      top: share(blockOf(row, rows, trueRows), rows, "- 1"), height: share(1, rows, "+ 4"),
      left: share(column === null ? 0 : blockOf(column, columns, trueColumns), columns, "- 1"),
      width: share(column === null ? columns : 1, columns, "+ 4"),
    });
  };
  return element;
}

/** Where a block begins, if n entries are split into so many blocks, the first ones one longer. */
function beginOfBlock(block, blocks, n) {
  return block * Math.floor(n / blocks) + Math.min(block, n % blocks);
}

/** Block that an entry is in. */
function blockOf(entry, blocks, n) {
  const size = Math.floor(n / blocks);
  const long = (n % blocks) * (size + 1);
  return entry < long ? Math.floor(entry / (size + 1)) : n % blocks + Math.floor((entry - long) / size);
}

/** Leave the focus where the page's keys work, whatever is clicked. */
export function keepKeys(event) {
  event.preventDefault();
  event.target.closest(".retrograd")?.focus({ preventScroll: true });
}

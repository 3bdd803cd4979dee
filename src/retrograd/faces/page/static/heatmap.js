// A matrix as a picture: one cell an entry, or a coarser one where it is large; the exact number
// is under the pointer.

import { isDark, signed } from "./colours.js";
import { h, sharp } from "./dom.js";
import { brief, exactOf } from "./numbers.js";

/**
 * Draw a matrix.
 *
 * `picture` is what picture() of answers/network.py makes. `fetch(row, column)` promises the exact
 * number where the picture is coarse, `name(row, column)` says what an entry is called, and
 * `onPick(row, column)` is called on a click. Cells are at least `least` pixels, at most `most`.
 */
export function heatmap(picture, { width = 320, most = 16, least = 1, height = 240, name = null, fetch = null, onPick = null, title = "" } = {}) {
  const [rows, columns] = picture.values.shape;
  const [trueRows, trueColumns] = picture.shape;
  const cell = Math.max(least, Math.min(most, width / columns));
  const tall = Math.max(least, Math.min(cell, Math.max(height / rows, 1)));
  const canvas = h("canvas", { class: "heatmap" });
  const told = h("output", { class: "under number" });
  const element = h("div", {
    class: "heat", tabindex: 0, role: "img", "data-keys": true,
    "aria-label": `${title || "matrix"}, ${trueRows} by ${trueColumns}, largest magnitude ${brief(picture.top)}`,
  }, canvas, told);
  let at = [0, 0];
  paint();

  function paint() {
    const context = sharp(canvas, columns * cell, rows * tall);
    const dark = isDark(element.isConnected ? element : document.body);
    const image = context.createImageData(columns, rows);
    const top = picture.top || 1;
    const { values } = picture.values;
    for (let k = 0; k < values.length; k += 1) {
      const [r, g, b] = signed(values[k] / top, dark);
      image.data.set([r, g, b, 255], 4 * k);
    }
    const small = new OffscreenCanvas(columns, rows);
    small.getContext("2d").putImageData(image, 0, 0);
    context.imageSmoothingEnabled = false;
    context.drawImage(small, 0, 0, columns * cell, rows * tall);
  }

  function entry(event) {
    const box = canvas.getBoundingClientRect();
    const column = Math.floor(((event.clientX - box.left) / box.width) * columns);
    const row = Math.floor(((event.clientY - box.top) / box.height) * rows);
    return [Math.max(0, Math.min(rows - 1, row)), Math.max(0, Math.min(columns - 1, column))];
  }

  /** Entry of the matrix itself that a cell of the picture stands for: the first of its block. */
  function real(row, column) {
    return [beginOfBlock(row, rows, trueRows), beginOfBlock(column, columns, trueColumns)];
  }

  function tell(row, column) {
    at = [row, column];
    const [r, c] = real(row, column);
    const called = name ? name(r, c) : `[${r}, ${c}]`;
    if (picture.whole) told.textContent = `${called} = ${exactOf(picture.values, row * columns + column)}`;
    else {
      told.textContent = `${called} … largest nearby ${exactOf(picture.values, row * columns + column)}`;
      fetch?.(r, c).then((text) => { if (at[0] === row && at[1] === column) told.textContent = `${called} = ${text}`; });
    }
  }

  canvas.addEventListener("pointermove", (event) => tell(...entry(event)));
  canvas.addEventListener("click", (event) => onPick?.(...real(...entry(event))));
  element.addEventListener("focus", () => tell(...at));
  element.addEventListener("keydown", (event) => {
    const move = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (move) {
      tell(Math.max(0, Math.min(rows - 1, at[0] + move[0])), Math.max(0, Math.min(columns - 1, at[1] + move[1])));
    } else if (event.key === "Enter") onPick?.(...real(...at));
    else return;
    event.preventDefault();
    event.stopPropagation();
  });
  return element;
}

/** Where a block begins, if n entries are split into so many blocks, the first ones one longer. */
function beginOfBlock(block, blocks, n) {
  return block * Math.floor(n / blocks) + Math.min(block, n % blocks);
}

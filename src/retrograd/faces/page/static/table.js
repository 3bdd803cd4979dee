// A small matrix as numbers, one of which is told exactly.

import { h } from "./dom.js";
import { keepKeys } from "./heatmap.js";
import { brief, exactOf } from "./numbers.js";

// Pixels of one.
const DIGIT = 7.3;

/**
 * Write a matrix, or a vector as one row, as a table.
 *
 * Where all numbers are small or large, they stand as multiples of a power of ten. It takes the
 * pictures, names and gestures that a heatmap takes, and has its `update` and `mark`.
 */
export function numberTable(picture, vector, { width, name, onPick = null, note = null, title = "" }) {
  const [rows, columns] = picture.shape;
  const scale = h("span", { class: "factor" });
  const told = h("output", { class: "under number" });
  const cells = Array.from({ length: rows * columns }, (_, k) => h("td", {
    tabindex: k ? -1 : 0, "data-at": k, role: "gridcell",
  }));
  const indices = Array.from({ length: columns }, (_, column) => h("th", { scope: "col" }, String(column)));
  const body = Array.from({ length: rows }, (_, row) => h("tr", {},
    vector ? null : h("th", { scope: "row" }, String(row)), cells.slice(row * columns, (row + 1) * columns)));
  const element = h("div", { class: "numbers", "data-keys": true },
    h("div", { class: "sideways" }, h("table", { class: onPick ? "picking" : "", role: "grid", "aria-label": title },
      h("thead", {}, h("tr", {}, vector ? null : h("td", {}), indices)), h("tbody", {}, body))),
    scale, told);
  // A sign, a digit and a point come with the digits after it.
  const decimals = Math.max(2, Math.min(5, Math.floor((width / columns - 9) / DIGIT) - 3));
  let at = null;
  write();

  function write() {
    const { values } = picture.values;
    const power = picture.top ? Math.floor(Math.log10(picture.top)) : 0;
    const shift = power < -1 || power > 3 ? power : 0;
    scale.replaceChildren(...(shift ? ["× 10", h("sup", {}, String(shift).replace("-", "−"))] : []));
    const whole = values.every(Number.isInteger) && !shift;
    cells.forEach((cell, k) => {
      const shown = values[k] / 10 ** shift;
      cell.textContent = whole || !Number.isFinite(shown) ? brief(shown) : shown.toFixed(decimals).replace("-", "−");
      cell.setAttribute("aria-label", `${called(k)} = ${exactOf(picture.values, k)}`);
    });
  }

  function called(k) {
    return name(Math.floor(k / columns), k % columns);
  }

  function tell(k) {
    at = k;
    const more = note ? ` · ${note(Math.floor(k / columns), k % columns)}` : "";
    told.textContent = `${called(k)} = ${exactOf(picture.values, k)}${more}`;
  }

  function indexOf(event) {
    const cell = event.target.closest("[data-at]");
    return cell ? Number(cell.dataset.at) : null;
  }

  function pick(k) {
    onPick?.(Math.floor(k / columns), k % columns);
  }

  element.addEventListener("pointerover", (event) => {
    const k = indexOf(event);
    if (k !== null) tell(k);
  });
  element.addEventListener("focusin", (event) => {
    const k = indexOf(event);
    if (k !== null) tell(k);
  });
  element.addEventListener("mousedown", keepKeys);
  element.addEventListener("click", (event) => {
    const k = indexOf(event);
    if (k !== null) pick(k);
  });
  element.addEventListener("keydown", (event) => {
    const k = indexOf(event);
    if (k === null) return;
    const row = Math.floor(k / columns);
    const column = k % columns;
    const next = {
      ArrowRight: column + 1 < columns ? k + 1 : k, ArrowLeft: column ? k - 1 : k,
      ArrowDown: row + 1 < rows ? k + columns : k, ArrowUp: row ? k - columns : k,
    }[event.key];
    if (next !== undefined) {
      cells[k].tabIndex = -1;
      cells[next].tabIndex = 0;
      cells[next].focus();
      // The focus alone brings only what is wholly out of sight.
      cells[next].scrollIntoView({ block: "nearest", inline: "nearest" });
    } else if (event.key === "Enter" || event.key === " ") pick(k);
    else return;
    event.preventDefault();
    event.stopPropagation();
  });

  element.update = (next) => {
    picture = next;
    write();
    if (at !== null) tell(at);
  };
  element.mark = (row, column) => {
    cells.forEach((cell, k) => {
      const inside = row !== null && Math.floor(k / columns) === row && (column === null || k % columns === column);
      cell.classList.toggle("chosen", inside);
    });
  };
  return element;
}

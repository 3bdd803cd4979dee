// One line of the step: an equation, its shapes, why it is so, and its numbers.

import { h, math } from "./dom.js";
import { heatmap } from "./heatmap.js";
import { brief, exact, exactOf } from "./numbers.js";
import { numberTable } from "./table.js";

// Pixels at the sides of a line.
const ASIDE = 26;
// Arrays up to this size are written as numbers, larger ones drawn.
const MOST_ROWS = 6;
const MOST_COLUMNS = 8;
// Numbers of the selected row that are written below a picture.
const MOST_OWN = 12;

/**
 * Draw line number `k` of a step's answer, `width` pixels wide.
 *
 * Its `update(state)` puts another step's numbers in place, its `mark(place)` frames what is
 * selected: a weight, or a row of the batch.
 */
export function lineView(page, state, k, width) {
  const line = state.lines[k];
  let { rows } = state;
  const told = h("span", { class: "number value" });
  const picture = line.array ? arrayView() : null;
  const ownRow = line.of?.kind === "rows" && line.array && !line.vector ? h("div", { class: "own-row" }) : null;
  const element = h("div", { class: "line", "data-symbol": line.symbol },
    line.symbol || line.shapes ? equation(line, told) : null,
    line.remark ? h("p", { class: "remark" }, line.remark) : null,
    picture, ownRow);
  update(state);

  function equation() {
    const made = line.formula_math ? [h("span", { class: "equals" }, "="), math(line.formula_math)] : [];
    const title = line.formula ? `${line.symbol} = ${line.formula}` : line.symbol;
    return h("div", { class: "equation", title }, math(line.symbol_math), ...made,
      line.number === undefined ? null : h("span", { class: "equals" }, "="), told,
      line.shapes ? h("code", { class: "shapes" }, line.shapes) : null);
  }

  /** What an entry is called in the trace. */
  function name(row, column) {
    return line.vector ? `${line.symbol}[${column}]` : `${line.symbol}[${row}, ${column}]`;
  }

  /** Number in the data of the row that an entry belongs to. */
  function rowOf(row, column) {
    return rows.values[line.vector ? column : row];
  }

  function pick(row, column) {
    const { kind, layer } = line.of;
    if (kind === "rows") page.go({ row: rowOf(row, column) });
    else page.go({ layer, from: kind === "weights" ? row : null, unit: column });
  }

  async function fetchExact(row, column) {
    const { run, step, opened } = state;
    const found = await page.ask("array", { run, step, section: opened, line: k, row, column, rows: 1, columns: 1 });
    return found ? exactOf(found.values, 0) : "";
  }

  function arrayView() {
    const options = {
      name, onPick: line.of ? pick : null, title: line.symbol,
      note: line.of?.kind === "rows" ? (row, column) => `row ${rowOf(row, column)} of the data` : null,
    };
    const [n, m] = line.array.shape;
    if (line.array.whole && n <= MOST_ROWS && m <= MOST_COLUMNS) {
      return numberTable(line.array, line.vector, { ...options, width: width - ASIDE - 14 });
    }
    return heatmap(line.array, {
      ...options, width: width - ASIDE, height: m === 1 ? 96 : 190, fetch: page.options.still ? null : fetchExact,
    });
  }

  function update(next) {
    state = next;
    ({ rows } = next);
    const { number, array } = next.lines[k];
    if (number !== undefined) {
      told.textContent = brief(number);
      told.title = exact(number);
    }
    if (array && array !== line.array) picture.update(array);
    if (ownRow) tellRow(page.place);
  }

  /** The selected row's own numbers, on their way through the net. */
  function tellRow(place) {
    const { array } = state.lines[k];
    const at = rows.values.indexOf(place.row);
    const [, m] = array.shape;
    ownRow.hidden = at < 0 || !array.whole || m > MOST_OWN || picture.classList.contains("numbers");
    if (ownRow.hidden) return;
    const numbers = Array.from({ length: m }, (_, column) => h("span", {
      title: `${name(at, column)} = ${exactOf(array.values, at * m + column)}`,
    }, brief(Number(array.values.at(at, column).toPrecision(4)))));
    ownRow.replaceChildren(h("span", { class: "soft" }, `row ${place.row}:`), ...numbers);
  }

  return {
    element,
    update,
    /** Draw the same on another ground. */
    repaint() {
      if (picture) picture.update(state.lines[k].array);
    },
    mark(place) {
      if (ownRow) tellRow(place);
      if (!line.of || !picture) return;
      const { kind, layer } = line.of;
      if (kind === "rows") {
        const at = place.row === undefined ? -1 : rows.values.indexOf(place.row);
        if (at < 0) picture.mark(null, null);
        else if (line.vector) picture.mark(0, at);
        else picture.mark(at, null);
      } else if (layer !== place.layer || place.unit === undefined || (kind === "weights") !== (place.from !== undefined)) {
        picture.mark(null, null);
      } else picture.mark(kind === "weights" ? place.from : 0, place.unit);
    },
  };
}

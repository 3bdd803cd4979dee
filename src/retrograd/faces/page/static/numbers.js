// Numbers as they are written.

/** Six digits that count. */
export function brief(value) {
  if (value === null || value === undefined) return "";
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return minus(String(value));
  return minus(String(Number(value.toPrecision(6))));
}

/** All digits that tell a number from every other of its type; `single` for float32. */
export function exact(value, single = false) {
  if (!Number.isFinite(value)) return brief(value);
  if (!single) return minus(String(value));
  for (let digits = 1; digits <= 9; digits += 1) {
    const text = value.toPrecision(digits);
    if (Math.fround(Number(text)) === value) return minus(String(Number(text)));
  }
  return minus(String(value));
}

/** The exact text of an entry of an `NdArray`. */
export function exactOf(array, index) {
  return exact(array.values[index], array.values instanceof Float32Array);
}

const THOUSANDS = new Intl.NumberFormat("en");

/** A whole number with its thousands apart. */
export function count(value) {
  return THOUSANDS.format(value);
}

/** How many there are of what: "1 row", "1,200 rows", "2 classes". */
export function counted(n, noun) {
  const ending = noun.endsWith("s") ? "es" : "s";
  return `${count(n)} ${noun}${n === 1 ? "" : ending}`;
}

/** With a true minus sign before it; the exponent stays as Python reads it. */
export function minus(text) {
  return text.replace(/^-/, "−");
}

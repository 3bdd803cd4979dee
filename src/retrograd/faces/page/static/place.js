// Where the reader is: a run, a step, what is selected; all of it stands in the address.

// Names of what a place may have, and whether each is a number.
const NUMBERS = new Set([
  "run", "step", "layer", "unit", "from", "row", "other", "otherStep", "line", "f0", "f1",
  "target",
]);
const TEXTS = new Set([
  "phase", "tab", "theme", "on", "find", "curve", "show", "cell",
]);

/** Read a place from the address's part behind the #. */
export function readPlace(hash) {
  const place = {};
  for (const [name, value] of new URLSearchParams(hash.replace(/^#/, ""))) {
    if (NUMBERS.has(name) && /^\d{1,15}$/.test(value)) place[name] = Number(value);
    else if (TEXTS.has(name)) place[name] = value.slice(0, 500);
  }
  return place;
}

/** Write it there. */
export function writePlace(place) {
  const parts = new URLSearchParams();
  for (const [name, value] of Object.entries(place)) {
    if ((NUMBERS.has(name) || TEXTS.has(name)) && value !== null && value !== undefined) {
      parts.set(name, value);
    }
  }
  return `#${parts}`;
}

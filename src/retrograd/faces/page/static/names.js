// What units are called; and names where there is little room: short, and still told apart.

// Letters that should be left beside an ellipsis, which itself takes the room of one or two.
const LEAST = 3;
const MOST_KEPT = 50;
const context = new OffscreenCanvas(1, 1).getContext("2d");
const known = new Map();

/**
 * Names that find room in so many pixels and differ wherever the names do.
 *
 * They are whole if they can be, or else their beginnings, what comes after they begin alike, or both
 * their ends; numbers, if nothing of these tells them apart. `font` is the size, and perhaps weight, that
 * they are written in under `root`.
 */
export function shortNames(root, names, width, font = "11px") {
  const inFont = fontOf(root, font);
  const key = [inFont, width, ...names].join("\n");
  if (!known.has(key)) {
    // Many are asked for with every step: of the same few runs.
    if (known.size >= MOST_KEPT) known.clear();
    context.font = inFont;
    known.set(key, found(names, (text) => context.measureText(text).width <= width));
  }
  return known.get(key);
}

/** How many pixels a text takes, in such a font. */
export function widthOf(root, text, font = "11px") {
  context.font = fontOf(root, font);
  return context.measureText(text).width;
}

function fontOf(root, font) {
  return `${font} ${getComputedStyle(root).fontFamily || "sans-serif"}`;
}

function found(names, fits) {
  const different = new Set(names).size;
  // A point more or less tells nothing apart to the eye, unless the names themselves differ by no more.
  const seen = new Set(names.map(letters)).size === different ? letters : (text) => text;
  for (const tried of ways(names, fits)) {
    if (tried.every((text) => text !== null && fits(text)) && new Set(tried.map(seen)).size === different) return tried;
  }
  return names.map((_, k) => String(k));
}

function letters(text) {
  return text.replace(/[^\p{L}\p{N}]+/gu, " ").trim();
}

/** Names shortened in one way after the other, null where there is not room for it; the best first. */
function* ways(names, fits) {
  yield names.map((name) => cut("", name, fits));
  yield names.map((name) => begin("", name, fits));
  const [before, after] = [alikeFirst(names), alikeLast(names)];
  for (const from of new Set([wordsOf(names[0], before), before])) {
    if (!from) continue;
    yield names.map((name) => cut("…", name.slice(from), fits));
    yield names.map((name) => begin("", name.slice(from, name.length - after), fits));
    yield names.map((name) => begin("", name.slice(from), fits));
  }
  const longest = Math.max(...names.map((name) => begin("", name, fits).length));
  for (const tail of [LEAST, 1]) {
    for (let head = longest; head >= 0; head -= 1) {
      yield names.map((name) => (fits(name) ? name : ends(name, head, tail, fits)));
    }
  }
}

/** As much of a name as there is room for, after what stands before it. */
function begin(first, name, fits, last = "") {
  let [low, high] = [0, name.length];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (fits(first + name.slice(0, middle) + last)) low = middle;
    else high = middle - 1;
  }
  return first + name.slice(0, low) + last;
}

/** The same with an ellipsis, if it is not whole; null if that left next to nothing. */
function cut(first, name, fits) {
  if (fits(first + name)) return first + name;
  const some = begin(first, name, fits, "…");
  return some.length - first.length > LEAST ? some : null;
}

/** So many letters of a name's beginning, and as many as there is room for, but so many, of its end. */
function ends(name, head, tail, fits) {
  const some = (from) => `${name.slice(0, head)}…${name.slice(from)}`;
  let [low, high] = [head + 1, name.length - tail];
  if (low > high || !fits(some(high))) return null;
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    if (fits(some(middle))) high = middle;
    else low = middle + 1;
  }
  return some(low);
}

/** How many letters all names begin with, short of a number's digits, and of a whole name. */
function alikeFirst(names) {
  const most = Math.min(...names.map((name) => name.length)) - 1;
  let alike = 0;
  while (alike < most && names.every((name) => name[alike] === names[0][alike])) alike += 1;
  while (alike && isDigit(names[0][alike - 1])) alike -= 1;
  return alike;
}

/** The same of their ends, from what they do not begin with. */
function alikeLast(names) {
  const most = Math.min(...names.map((name) => name.length)) - alikeFirst(names) - 1;
  let alike = 0;
  while (alike < most && names.every((name) => name.at(-1 - alike) === names[0].at(-1 - alike))) alike += 1;
  while (alike && isDigit(names[0].at(-alike))) alike -= 1;
  return alike;
}

/** Of so many letters, those that are whole words. */
function wordsOf(name, long) {
  return name.slice(0, long).match(/^.*[^\p{L}\p{N}]/u)?.[0].length ?? 0;
}

function isDigit(letter) {
  return letter >= "0" && letter <= "9";
}

/** What a unit is called: a feature's, a class's name, or its number. */
export function unitName(run, layer, unit) {
  if (layer === 0) return run.features[unit] ?? `x${unit}`;
  if (layer === run.widths.length - 1) {
    if (run.classes && run.widths.at(-1) === run.classes.length) return run.classes[unit];
    if (run.classes?.length === 2) return run.classes[1];
    return `output ${unit}`;
  }
  return `unit ${unit}`;
}

/** The same with its layer, as its weights and its bias are numbered; a feature is in none. */
export function unitInLayer(run, layer, unit) {
  const name = unitName(run, layer, unit);
  if (layer === 0) return name;
  const isNamed = layer === run.widths.length - 1 && name !== `output ${unit}`;
  return `${isNamed ? "output " : ""}${name} of layer ${layer - 1}`;
}

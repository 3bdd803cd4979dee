// Colours that the colour-blind can tell apart, on light and on dark.

// Blue for what is negative, orange for what is positive; the ends are as bright on both grounds.
const NEGATIVE = [[214, 228, 244], [32, 100, 178]];
const POSITIVE = [[252, 228, 206], [204, 92, 0]];
const DARK_NEGATIVE = [[36, 44, 58], [104, 172, 255]];
const DARK_POSITIVE = [[54, 44, 36], [255, 160, 66]];
const MISSING = [196, 30, 110];

// After Okabe and Ito (2008); the last four are ours, as far from all others as those are from each
// other, for the colour-blind, too.
const CLASSES = [
  "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#b4b464", "#634261",
  "#7c3ff0", "#854325",
];

/** Whether an element is drawn on a dark ground. */
export function isDark(element) {
  const chosen = element.closest("[data-theme]");
  // Where the reader's own colours are forced on all pages, ours have to stand on their ground.
  if (chosen && !window.matchMedia("(forced-colors: active)").matches) return chosen.dataset.theme === "dark";
  return window.matchMedia("(prefers-color-scheme: dark)").matches;
}

/** Colour of a number between −1 and 1, as [r, g, b]; magenta for NaN. */
export function signed(value, dark) {
  if (Number.isNaN(value)) return MISSING;
  const ends = value < 0 ? (dark ? DARK_NEGATIVE : NEGATIVE) : (dark ? DARK_POSITIVE : POSITIVE);
  const ground = dark ? [30, 32, 36] : [255, 255, 255];
  const t = Math.sqrt(Math.min(1, Math.abs(value)));
  const [from, to] = t < 0.25 ? [ground, ends[0]] : ends;
  const u = t < 0.25 ? t * 4 : (t - 0.25) / 0.75;
  return [0, 1, 2].map((k) => Math.round(from[k] + (to[k] - from[k]) * u));
}

// Shades of either sign.
const SHADES = 255;
const palettes = new Map();

/** Function that gives the pixel, as 32 bits, of a number between −1 and 1: many at a time. */
export function signedPixels(dark) {
  if (!palettes.has(dark)) {
    const pixel = ([r, g, b]) => ((255 << 24) | (b << 16) | (g << 8) | r) >>> 0;
    const shades = Array.from({ length: 2 * SHADES + 1 }, (_, k) => {
      const root = (k - SHADES) / SHADES;
      return pixel(signed(Math.sign(root) * root * root, dark));
    });
    palettes.set(dark, { shades, missing: pixel(MISSING) });
  }
  const { shades, missing } = palettes.get(dark);
  return (value) => {
    if (Number.isNaN(value)) return missing;
    const root = Math.round(SHADES * Math.sqrt(Math.min(1, Math.abs(value))));
    return shades[SHADES + (value < 0 ? -root : root)];
  };
}

/** The same as CSS. */
export function signedCss(value, dark) {
  return `rgb(${signed(value, dark).join(" ")})`;
}

/** Colour of a class; those beyond the table are drawn in its colours again. */
export function classColour(k) {
  return CLASSES[k % CLASSES.length];
}

const inks = new Map();

/** A colour of the style sheet, such as "--ink", as it is on the element's ground. */
export function ink(element, name) {
  // Asking the browser makes it work out the style of all that has changed: once is enough.
  const key = `${name} ${isDark(element)}`;
  if (inks.has(key)) return inks.get(key);
  const probe = document.createElement("i");
  probe.style.color = `var(${name})`;
  probe.style.forcedColorAdjust = "none";
  element.append(probe);
  const { color } = getComputedStyle(probe);
  probe.remove();
  if (element.isConnected) inks.set(key, color);
  return color;
}

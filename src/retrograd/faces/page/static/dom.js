// Making elements, and the few gestures that every view needs.

const SVG = "http://www.w3.org/2000/svg";

/** Make an element: h("button", {class: "quiet", onclick: f}, "text", child). */
export function h(tag, attributes = {}, ...children) {
  return fill(document.createElement(tag), attributes, children);
}

/** The same of SVG. */
export function s(tag, attributes = {}, ...children) {
  return fill(document.createElementNS(SVG, tag), attributes, children);
}

function fill(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style" && typeof value === "object") dress(element, value);
    else element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined));
  return element;
}

/** Set styles, and custom properties, which have to be set by name. */
function dress(element, style) {
  for (const [name, value] of Object.entries(style)) {
    if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.style[name] = value;
  }
}

/** A part of a text, counted in code points, as Python counts. */
export function partOf(text, from, to) {
  return Array.from(text).slice(from, to).join("");
}

/** Put MathML, which our own server wrote, into an element. */
export function math(markup) {
  const holder = h("span", { class: "math" });
  const parsed = new DOMParser().parseFromString(markup, "text/html").querySelector("math");
  if (parsed) holder.append(document.adoptNode(parsed));
  return holder;
}

/**
 * Run an asynchronous function for the newest arguments only: what came in between is skipped.
 *
 * The promise is that the newest has been run.
 */
export function latest(work) {
  let going = null;
  let waiting = null;
  async function goOn() {
    try {
      while (waiting) {
        const now = waiting;
        waiting = null;
        await work(...now);
      }
    } finally {
      going = null;
    }
  }
  return function run(...args) {
    waiting = args;
    going ??= goOn();
    return going;
  };
}

/** What has the focus where an element is: of a tree in the shadow the document knows only its host. */
export function focusBeside(element) {
  return element.getRootNode().activeElement ?? null;
}

/** Size a canvas to its box, sharp on any screen; its context, scaled to CSS pixels. */
export function sharp(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.max(1, Math.round(width * ratio));
  canvas.height = Math.max(1, Math.round(height * ratio));
  canvas.style.width = `${width}px`;
  canvas.style.height = `${height}px`;
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

/** Call a function whenever an element's width changes; how high it is, what is drawn in it says. */
export function onWidth(element, work) {
  let width = 0;
  new ResizeObserver(([entry]) => {
    const now = entry.contentRect.width;
    if (now === width) return;
    width = now;
    work(width);
  }).observe(element);
}

/**
 * Tell what is under the pointer, and `untell` it once it leaves.
 *
 * A finger that taps moves nowhere and is gone at once: what it told stays.
 */
export function onPointer(element, tell, untell = () => {}) {
  element.addEventListener("pointermove", tell);
  element.addEventListener("pointerdown", tell);
  element.addEventListener("pointerleave", (event) => { if (event.pointerType === "mouse") untell(); });
}

/** Whether whoever looks prefers that nothing moves by itself. */
export function calm() {
  return window.matchMedia("(prefers-reduced-motion: reduce)").matches;
}

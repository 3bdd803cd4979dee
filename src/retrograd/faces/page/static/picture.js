// A part of the page as one SVG that any program opens: texts are texts, lines are lines, and only
// what is a canvas on the page is a bitmap.

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = 10;
// What of an SVG's look comes from style sheets.
const STYLES = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor", "dominant-baseline", "stroke-linejoin", "stroke-linecap",
];
// What is there to click, and the key of a phase, which may stand on its shortened title.
const LEFT_OUT = "select, input, button:not(.head-line, [data-row], [aria-pressed=true]), .head-line > code";
// Pixels of a bitmap for one of the page.
const SHARPNESS = 2;

/** Draw an element, controls left out, as the text of an SVG. */
export function pictureOf(element) {
  const box = element.getBoundingClientRect();
  const [width, height] = [box.width + 2 * MARGIN, box.height + 2 * MARGIN].map(Math.ceil);
  const svg = svgNode("svg", { xmlns: NAMESPACE, width, height, viewBox: `0 0 ${width} ${height}` });
  const ground = getComputedStyle(element.closest(".retrograd")).backgroundColor;
  svg.append(svgNode("rect", { width, height, fill: ground }));
  const place = svgNode("g", { transform: `translate(${MARGIN - box.left} ${MARGIN - box.top})` });
  svg.append(place);
  drawInto(place, element, 0);
  return new XMLSerializer().serializeToString(svg);
}

/** The same as a PNG. */
export async function pngOf(element) {
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(pictureOf(element))}`;
  await image.decode();
  const canvas = document.createElement("canvas");
  canvas.width = image.width * SHARPNESS;
  canvas.height = image.height * SHARPNESS;
  canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/png"); });
}

/** Draw an element and all in it; `turn` is by how many degrees what is around it is turned. */
function drawInto(place, element, turn) {
  const style = getComputedStyle(element);
  if (style.display === "none" || style.visibility === "hidden" || style.clipPath === "inset(50%)") return;
  if (element.matches(LEFT_OUT)) return;
  const box = element.getBoundingClientRect();
  if (element.localName === "svg") place.append(copyOfSvg(element, box));
  else if (element.localName === "canvas") {
    drawBox(place, style, box);
    place.append(svgNode("image", {
      ...corner(withinEdge(style, box)), href: element.toDataURL(), style: `image-rendering: ${style.imageRendering}`,
      // As on the page, where a bitmap of any shape fills the element.
      preserveAspectRatio: "none",
    }));
  } else {
    drawBox(place, style, box);
    const turned = turn + turnOf(style);
    for (const child of element.childNodes) {
      if (child.nodeType === Node.ELEMENT_NODE) drawInto(place, child, turned);
      else if (child.nodeType === Node.TEXT_NODE) drawText(place, child, style, turned);
    }
    drawRule(place, element, style, box);
  }
}

/** An SVG of the page, with what style sheets say of it written into it. */
function copyOfSvg(element, box) {
  const copy = element.cloneNode(true);
  const copies = copy.querySelectorAll("*");
  element.querySelectorAll("*").forEach((one, k) => {
    const style = getComputedStyle(one);
    for (const name of STYLES) copies[k].style.setProperty(name, style.getPropertyValue(name));
    copies[k].style.display = style.display === "none" ? "none" : "";
  });
  for (const [name, value] of Object.entries(corner(box))) copy.setAttribute(name, value);
  copy.style.color = getComputedStyle(element).color;
  return copy;
}

function drawBox(place, style, box) {
  const filled = !/^rgba\(.*, 0\)$|^transparent$/.test(style.backgroundColor);
  const edged = parseFloat(style.borderTopWidth) > 0 && parseFloat(style.borderLeftWidth) > 0
    && !/^rgba\(.*, 0\)$|^transparent$/.test(style.borderTopColor);
  if (!filled && !edged) return;
  place.append(svgNode("rect", {
    ...corner(edged ? withinEdge(style, box, 0.5) : box), rx: parseFloat(style.borderTopLeftRadius) || 0,
    fill: filled ? style.backgroundColor : "none",
    stroke: edged ? style.borderTopColor : "none", "stroke-width": parseFloat(style.borderTopWidth) || 0,
  }));
}

/** A box without its border, or without so much of it. */
function withinEdge(style, box, share = 1) {
  const [top, right, bottom, left] = ["Top", "Right", "Bottom", "Left"].map((side) => share * parseFloat(style[`border${side}Width`]));
  return new DOMRect(box.left + left, box.top + top, box.width - left - right, box.height - top - bottom);
}

/** By how many degrees an element is turned against what is around it. */
function turnOf({ transform }) {
  if (transform === "none") return 0;
  const { a, b } = new DOMMatrix(transform);
  return (Math.atan2(b, a) * 180) / Math.PI;
}

function drawText(place, text, style, turn) {
  if (!text.data.trim()) return;
  const range = document.createRange();
  const angle = quarters(turn + (style.writingMode === "horizontal-tb" ? 0 : 90));
  // What is wrapped is several lines.
  for (const [piece, box] of linesOf(text, range)) {
    const letter = isVariable(text);
    const [x, y] = letter ? [box.left + box.width / 2, box.top + box.height / 2] : beginOf(box, angle);
    const drawn = svgNode("text", {
      x, y, ...(angle ? { transform: `rotate(${angle} ${x} ${y})` } : {}), "dominant-baseline": "central",
      fill: style.color, "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight,
      "font-style": letter ? "italic" : style.fontStyle, style: "white-space: pre",
      // Another program's fonts may be wider.
      ...(letter ? { "text-anchor": "middle" } : { textLength: angle % 180 ? box.height : box.width, lengthAdjust: "spacingAndGlyphs" }),
    });
    drawn.textContent = style.textTransform === "uppercase" ? piece.toUpperCase() : piece;
    place.append(drawn);
  }
}

/** Nearest of the four directions that the box of a text says all of, in degrees. */
function quarters(turn) {
  return ((Math.round(turn / 90) % 4) + 4) % 4 * 90;
}

/** Where a text of one of these directions begins in its box, in the middle of its line. */
function beginOf({ left, right, top, bottom }, angle) {
  const [x, y] = [(left + right) / 2, (top + bottom) / 2];
  return { 0: [left, y], 90: [x, top], 180: [right, y], 270: [x, bottom] }[angle];
}

/** Whether MathML sets a text in italics, as it does names of one letter. */
function isVariable(text) {
  const parent = text.parentElement;
  return parent.localName === "mi" && [...text.data.trim()].length === 1 && parent.getAttribute("mathvariant") !== "normal";
}

/** Lines of a text, each with its box. */
function linesOf(text, range) {
  range.selectNodeContents(text);
  if (range.getClientRects().length < 2) return [[text.data, range.getBoundingClientRect()]];
  const lines = [];
  for (const word of text.data.matchAll(/\S+/g)) {
    range.setStart(text, word.index);
    range.setEnd(text, word.index + word[0].length);
    const box = range.getBoundingClientRect();
    const last = lines.at(-1);
    if (last && Math.abs(last[1].top - box.top) < box.height / 2) {
      lines[lines.length - 1] = [`${last[0]} ${word[0]}`, new DOMRect(last[1].left, last[1].top, box.right - last[1].left, box.height)];
    } else lines.push([word[0], box]);
  }
  return lines.filter(([, box]) => box.width);
}

/** Lines that MathML draws by itself: a fraction's, a root's. */
function drawRule(place, element, style, box) {
  if (element.localName === "mfrac") {
    const [top, bottom] = [...element.children].map((child) => child.getBoundingClientRect());
    const y = (top.bottom + bottom.top) / 2;
    place.append(svgNode("path", { d: `M${box.left} ${y}H${box.right}`, stroke: style.color, "stroke-width": 1 }));
  } else if (element.localName === "msqrt") {
    const inside = element.firstElementChild.getBoundingClientRect();
    const low = box.top + box.height * 0.6;
    const start = (box.left + inside.left) / 2;
    place.append(svgNode("path", {
      d: `M${box.left + 1} ${low}L${start} ${box.bottom - 1}L${inside.left - 1} ${box.top + 1}H${box.right}`,
      fill: "none", stroke: style.color, "stroke-width": 1,
    }));
  }
}

function corner(box) {
  return { x: box.left, y: box.top, width: box.width, height: box.height };
}

function svgNode(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

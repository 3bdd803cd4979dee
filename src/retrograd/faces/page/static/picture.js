// A part of the page as one SVG that any program opens: texts are texts, lines are lines, and only
// what is a canvas on the page is a bitmap.

const NAMESPACE = "http://www.w3.org/2000/svg";
const MARGIN = 10;
// What of an SVG's look comes from style sheets.
const STYLES = [
  "fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "fill-opacity", "opacity", "font-family",
  "font-size", "font-weight", "text-anchor", "dominant-baseline", "stroke-linejoin", "stroke-linecap",
];
// What is there to click beside what is shown, and the key of a phase, which may stand on its shortened title.
const LEFT_OUT = ":is(.bar, .tabs, .caption) :is(button:not([aria-pressed=true]), select, input), .head-line > code";
const FIELDS = "select, input";
// Pixels of a bitmap for one of the page.
const SHARPNESS = 2;
// To measure texts, and to see colours.
const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });

/** Draw an element, controls left out, as the text of an SVG. */
export function pictureOf(element) {
  const box = element.getBoundingClientRect();
  const [width, height] = [box.width + 2 * MARGIN, box.height + 2 * MARGIN].map(Math.ceil);
  const svg = svgNode("svg", { xmlns: NAMESPACE, width, height, viewBox: `0 0 ${width} ${height}` });
  const ground = getComputedStyle(element.closest(".retrograd")).backgroundColor;
  svg.append(svgNode("rect", { width, height, fill: ground }));
  const place = svgNode("g", { transform: `translate(${MARGIN - box.left} ${MARGIN - box.top})` });
  svg.append(place);
  drawInto(place, element, { turn: 0, cutter: null });
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

/**
 * Draw an element and all in it.
 *
 * Of what is around it, `turn` is by how many degrees it is turned, and `cutter` what ends its lines
 * with an ellipsis where they are too long.
 */
function drawInto(place, element, { turn, cutter }) {
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
    const inside = clipped(place, element, style, box);
    const around = { turn: turn + turnOf(style), cutter: inside !== place && style.textOverflow === "ellipsis" ? element : cutter };
    if (element.matches(FIELDS)) drawValue(inside, element, style, box);
    else for (const child of element.childNodes) {
      if (child.nodeType === Node.ELEMENT_NODE) drawInto(inside, child, around);
      else if (child.nodeType === Node.TEXT_NODE) drawText(inside, child, style, around);
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
    for (const name of STYLES) copies[k].style.setProperty(name, plain(style.getPropertyValue(name)));
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
    fill: filled ? plain(style.backgroundColor) : "none",
    stroke: edged ? plain(style.borderTopColor) : "none", "stroke-width": parseFloat(style.borderTopWidth) || 0,
  }));
}

/** A box without its border, or without so much of it. */
function withinEdge(style, box, share = 1) {
  const [top, right, bottom, left] = ["Top", "Right", "Bottom", "Left"].map((side) => share * parseFloat(style[`border${side}Width`]));
  return new DOMRect(box.left + left, box.top + top, box.width - left - right, box.height - top - bottom);
}

/** Where what an element holds is drawn: in a group that ends where the page ends it, if some is beyond. */
function clipped(place, element, style, box) {
  const beyond = element.scrollWidth > element.clientWidth || element.scrollHeight > element.clientHeight;
  const ends = beyond && style.overflowX !== "visible" && style.display !== "inline";
  if (!ends && !element.matches(FIELDS)) return place;
  const inside = withinEdge(style, box);
  const id = `clip-${place.ownerSVGElement.querySelectorAll("clipPath").length}`;
  const path = svgNode("clipPath", { id });
  path.append(svgNode("rect", corner(inside)));
  const group = svgNode("g", { "clip-path": `url(#${id})` });
  place.append(path, group);
  return group;
}

/** What is chosen or typed in a field. */
function drawValue(place, field, style, box) {
  const drawn = svgNode("text", {
    x: box.left + parseFloat(style.borderLeftWidth) + parseFloat(style.paddingLeft), y: box.top + box.height / 2,
    "dominant-baseline": "central", fill: plain(style.color), "font-family": style.fontFamily, "font-size": style.fontSize,
  });
  drawn.textContent = field.selectedOptions?.[0]?.text ?? field.value;
  place.append(drawn);
}

/** By how many degrees an element is turned against what is around it. */
function turnOf({ transform }) {
  if (transform === "none") return 0;
  const { a, b } = new DOMMatrix(transform);
  return (Math.atan2(b, a) * 180) / Math.PI;
}

function drawText(place, text, style, { turn, cutter }) {
  if (!text.data.trim()) return;
  const range = document.createRange();
  const angle = quarters(turn + (style.writingMode === "horizontal-tb" ? 0 : 90));
  const long = angle % 180 ? "height" : "width";
  // What is wrapped is several lines.
  for (const [piece, box, more = 0] of cutter ? cutLine(text, range, cutter, long) : linesOf(text, range)) {
    const letter = isVariable(text);
    const [x, y] = letter ? [box.left + box.width / 2, box.top + box.height / 2] : beginOf(box, angle);
    const drawn = svgNode("text", {
      x, y, ...(angle ? { transform: `rotate(${angle} ${x} ${y})` } : {}), "dominant-baseline": "central",
      fill: plain(style.color), "font-family": style.fontFamily, "font-size": style.fontSize, "font-weight": style.fontWeight,
      "font-style": letter ? "italic" : style.fontStyle, style: "white-space: pre",
      // Another program's fonts may be wider.
      ...(letter ? { "text-anchor": "middle" } : { textLength: box[long] + more, lengthAdjust: "spacingAndGlyphs" }),
    });
    drawn.textContent = style.textTransform === "uppercase" ? piece.toUpperCase() : piece;
    place.append(drawn);
  }
}

/** A line as CSS cuts it off, with the box of what is left, and how much longer the ellipsis makes that. */
function cutLine(text, range, cutter, long) {
  const style = getComputedStyle(cutter);
  const sides = long === "width" ? ["Left", "Right"] : ["Top", "Bottom"];
  const room = sides.reduce((rest, side) => rest - parseFloat(style[`padding${side}`]), cutter[long === "width" ? "clientWidth" : "clientHeight"]);
  const lengthTo = (end) => {
    range.setStart(cutter, 0);
    range.setEnd(text, end);
    return range.getBoundingClientRect()[long];
  };
  const { font } = getComputedStyle(text.parentElement);
  const fits = lengthTo(text.length) <= room + 0.5;
  context.font = font;
  const more = fits ? 0 : context.measureText("…").width;
  let end = text.length;
  while (!fits && end > 0 && lengthTo(end) > room - more) end -= 1;
  if (!end) return [];
  range.setStart(text, 0);
  range.setEnd(text, end);
  return [[fits ? text.data : `${text.data.slice(0, end)}…`, range.getBoundingClientRect(), more]];
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
  const boxOf = (from, to) => {
    range.setStart(text, from);
    range.setEnd(text, to);
    return range.getBoundingClientRect();
  };
  const lines = [];
  const add = (piece, box, between) => {
    const last = lines.at(-1);
    if (last && Math.abs(last[1].top - box.top) < box.height / 2) {
      lines[lines.length - 1] = [last[0] + between + piece, new DOMRect(last[1].left, last[1].top, box.right - last[1].left, box.height)];
    } else lines.push([piece, box]);
  };
  for (const { 0: word, index } of text.data.matchAll(/\S+/g)) {
    const box = boxOf(index, index + word.length);
    // A word that is broken is on several lines, too.
    if (range.getClientRects().length < 2) add(word, box, " ");
    else for (let k = 0; k < word.length; k += 1) add(word[k], boxOf(index + k, index + k + 1), k ? "" : " ");
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

/** A colour as every program knows to read it; what style sheets mix is told in another way. */
function plain(colour) {
  if (!colour.startsWith("color(")) return colour;
  context.clearRect(0, 0, 1, 1);
  context.fillStyle = colour;
  context.fillRect(0, 0, 1, 1);
  const [red, green, blue, opaque] = context.getImageData(0, 0, 1, 1).data;
  return opaque === 255 ? `rgb(${red}, ${green}, ${blue})` : `rgba(${red}, ${green}, ${blue}, ${opaque / 255})`;
}

function corner(box) {
  return { x: box.left, y: box.top, width: box.width, height: box.height };
}

function svgNode(tag, attributes) {
  const made = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

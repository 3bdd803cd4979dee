// What WCAG 2.2 asks of contrast, measured on the page as it is: (kind) => [what falls short].
// Kinds are "text" (1.4.3), "controls" and "focus" (1.4.11).
(kind) => {
  const context = new OffscreenCanvas(1, 1).getContext("2d", { willReadFrequently: true });
  const known = new Map();

  /** Any colour of CSS as [r, g, b] and how opaque it is. */
  function colourOf(text) {
    if (!known.has(text)) {
      context.clearRect(0, 0, 1, 1);
      context.fillStyle = text;
      context.fillRect(0, 0, 1, 1);
      const [r, g, b, a] = context.getImageData(0, 0, 1, 1).data;
      known.set(text, { rgb: [r, g, b], opaque: a / 255 });
    }
    return known.get(text);
  }

  const mix = (below, above, share) => below.map((one, k) => one + share * (above[k] - one));
  const over = (below, text) => mix(below, colourOf(text).rgb, colourOf(text).opaque);

  /** Colours of an element's ground and of what is drawn on it, with all that lies around it. */
  function drawn(element, text, opacity = 1) {
    const around = [];
    for (let one = element; one; one = one.parentElement) around.unshift(getComputedStyle(one));
    const paint = (below, k) => {
      if (k === around.length) return [below, mix(below, over(below, text), opacity)];
      const inside = paint(over(below, around[k].backgroundColor), k + 1);
      return inside.map((one) => mix(below, one, Number(around[k].opacity)));
    };
    return paint([255, 255, 255], 0);
  }

  function luminance(rgb) {
    const [r, g, b] = rgb.map((one) => {
      const c = one / 255;
      return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  }

  function contrast([one, other]) {
    const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  function isSeen(element) {
    if (!element.checkVisibility({ visibilityProperty: true })) return false;
    if (element.closest(".hidden-visually")) return false; // for those who hear the page
    const { width, height } = element.getBoundingClientRect();
    return width > 0 && height > 0;
  }

  const isFramed = (style) => style.borderTopStyle === "solid" && colourOf(style.borderTopColor).opaque > 0;
  const isOff = (element) => Boolean(element.closest(":disabled, [aria-disabled='true']"));

  function named(element) {
    const label = element.getAttribute("aria-label") ?? element.textContent.trim().slice(0, 30);
    return `${element.closest("section, header, dialog, .hover-card")?.className}: ${element.localName}.${element.getAttribute("class") ?? ""} «${label}»`;
  }

  const found = new Set();
  let looked = 0;

  function judge(element, colours, least, what) {
    looked += 1;
    const ratio = contrast(colours);
    if (ratio < least) found.add(`${ratio.toFixed(2)} < ${least}: ${what} of ${named(element)}`);
  }

  function judgeText(element, style, opacity, what) {
    const size = parseFloat(style.fontSize);
    const isLarge = size >= 24 || (size >= 18.66 && Number(style.fontWeight) >= 700);
    const tint = element instanceof SVGElement ? style.fill : style.color;
    judge(element, drawn(element, tint, opacity), isLarge ? 3 : 4.5, what);
  }

  const looks = {
    text() {
      const root = document.querySelector(".retrograd");
      const walk = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
      while (walk.nextNode()) {
        const element = walk.currentNode.parentElement;
        if (!walk.currentNode.textContent.trim() || element.closest("title, option, script, style")) continue;
        if (isSeen(element) && !isOff(element)) judgeText(element, getComputedStyle(element), 1, "text");
      }
      for (const field of root.querySelectorAll("input, select")) {
        if (!isSeen(field) || isOff(field)) continue;
        judgeText(field, getComputedStyle(field), 1, "value");
        if (!field.placeholder || field.value) continue;
        const style = getComputedStyle(field, "::placeholder");
        judgeText(field, style, Number(style.opacity), "placeholder");
      }
    },
    /** A field's border is all there is of it; a button that is pressed differs by its border. */
    controls() {
      const known = "input:not([type=range], [type=file], [type=checkbox]), select, [aria-pressed=true]";
      for (const control of document.querySelectorAll(`.retrograd :is(${known})`)) {
        if (!isSeen(control) || isOff(control)) continue;
        let box = control; // or, of some that stand in a frame together, that frame
        while (!isFramed(getComputedStyle(box))) box = box.parentElement;
        const tint = getComputedStyle(box).borderTopColor;
        judge(control, drawn(box.parentElement, tint), 3, "border");
      }
    },
    /** After a key was pressed: then what has the focus shows it. */
    focus() {
      const reachable = "button, input:not([type=file]), select, summary, [tabindex='0']";
      for (const control of document.querySelectorAll(`.retrograd :is(${reachable})`)) {
        if (!isSeen(control) || isOff(control)) continue;
        control.focus({ preventScroll: true });
        if (document.activeElement !== control) continue;
        const inside = [control, ...control.querySelectorAll("canvas, circle")];
        const rings = inside.map((one) => [one, getComputedStyle(one)]);
        const outlined = rings.find(([, style]) => style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2);
        const stroked = rings.find(([one, style]) => one.localName === "circle" && parseFloat(style.strokeWidth) >= 2);
        const tint = outlined ? outlined[1].outlineColor : stroked ? stroked[1].stroke : "transparent";
        const around = (outlined ?? stroked ?? [control])[0].parentElement;
        judge(control, drawn(around, tint), 3, "focus");
        if (outlined || !stroked) continue;
        // Nor may a ring be of the colour that it lies around.
        const [within, ring] = [stroked[1].fill, tint].map((colour) => drawn(around, colour)[1]);
        judge(control, [within, ring], 3, "focus, from within,");
      }
    },
  };
  looks[kind]();
  return { looked, found: [...found] };
}

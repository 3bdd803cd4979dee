// The few pictures on buttons, drawn here: not every font has them.

import { s } from "./dom.js";

const PATHS = {
  first: "M3 3v10M13 3 6 8l7 5z",
  last: "M13 3v10M3 3l7 5-7 5z",
  back: "M11 3 4 8l7 5z",
  next: "M5 3l7 5-7 5z",
  play: "M4 2l10 6-10 6z",
  pause: "M4 3h3v10H4zM9 3h3v10H9z",
  theme: "M8 2v12M8 2a6 6 0 1 0 .01 0M10 4.5h2M10 8h3.5M10 11.5h2",
  find: "M7 2a5 5 0 1 0 0 10A5 5 0 0 0 7 2zM11 11l3.5 3.5",
  take: "M8 2v8M4.5 7 8 10.5 11.5 7M3 13.5h10",
  cross: "M4 4l8 8M12 4l-8 8",
  branch: "M4 2v12M4 8c4 0 7-1 7-6",
};
// Those that are lines rather than faces.
const LINES = new Set(["theme", "find", "take", "cross", "branch"]);

/** Make one. */
export function icon(name) {
  const lined = LINES.has(name);
  return s("svg", { viewBox: "0 0 16 16", width: 14, height: 14, class: "icon", "aria-hidden": "true" },
    s("path", {
      d: PATHS[name], fill: lined ? "none" : "currentColor", stroke: "currentColor",
      "stroke-width": lined ? 1.7 : 1.2, "stroke-linejoin": "round", "stroke-linecap": "round",
    }));
}

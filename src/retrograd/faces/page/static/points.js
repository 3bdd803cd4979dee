// A data set's points, small.

import { classColour, signedCss } from "./colours.js";
import { sharp } from "./dom.js";

const THUMB = 36;

/** A small picture of points in the plane, coloured by class or by value. */
export function drawPoints(canvas, { points, values, task }, dark) {
  const context = sharp(canvas, THUMB, THUMB);
  const xs = Array.from({ length: values.length }, (_, k) => points.at(k, 0));
  const ys = Array.from({ length: values.length }, (_, k) => points.at(k, 1));
  const scale = (all) => {
    const low = Math.min(...all);
    const span = Math.max(...all) - low || 1;
    return (value) => 2 + ((value - low) / span) * (THUMB - 4);
  };
  const [x, y] = [scale(xs), scale(ys)];
  const top = Math.max(...values.values.map(Math.abs)) || 1;
  for (let k = 0; k < values.length; k += 1) {
    const value = values.values[k];
    context.fillStyle = task === "classification" ? classColour(value) : signedCss(value / top, dark);
    context.fillRect(x(xs[k]) - 0.8, THUMB - y(ys[k]) - 0.8, 1.6, 1.6);
  }
}

// The curves of a training: what was recorded of every step, and the marks that go with it.

import { sharp } from "./dom.js";
import { drawKin, kinLegend } from "./kin.js";
import { count, counted } from "./numbers.js";

export const HEIGHT = 128;
export const EDGE = { left: 10, right: 10, top: 8, bottom: 20 };
// What can be drawn: name in the answer, colour, what it is called and is.
export const CURVES = [
  ["loss", "--accent", "loss", "Loss of each step's batch"],
  ["epoch_loss", "--warm", "epoch loss", "Mean loss of each epoch"],
  ["validation_loss", "--aside", "validation loss", "Mean loss of the validation rows, without the penalty, at some of the steps: recorded ones, and others by replay"],
  ["score", "--good", "validation score", "Score on the validation rows after each epoch"],
  ["gradient_norm", "--bad", "gradient norm", "Euclidean norm of all gradients together, of some of the steps: recorded ones, and others by replay"],
  ["learning_rate", "--soft", "learning rate", "Learning rate of each epoch's last step"],
];
// What a run's score may be, and is in words.
export const SCORES = {
  accuracy: "Share of the validation rows that are predicted right, after each epoch",
  "R²": "R² of the validation rows after each epoch",
  "D²": "D² of the validation rows after each epoch: the share of the loss that is explained, as R² is of the squared one",
};
// Those that are drawn in one range, since they are there to be compared.
const LOSSES = ["loss", "epoch_loss", "validation_loss"];

/**
 * Draw a run's curves that are shown, its branches', the marks and the axis.
 *
 * `data` and `kin` are what the timeline knows of them; `x` says where a step of `range` lies, and
 * `colour` what a colour of the page is.
 */
export function drawCurves(canvas, { page, data, kin, shown, range, width, x, colour }) {
  const context = sharp(canvas, width, HEIGHT);
  drawEpochs();
  for (const [name, tint] of CURVES) {
    if (shown.has(name)) drawCurve(data[name], colour(tint), name);
  }
  drawMarks();
  drawAxis();

  function drawEpochs() {
    context.strokeStyle = colour("--line");
    context.lineWidth = 1;
    const ends = data.epochs.values;
    if (!ends.length || ends.length > width / 6) return;
    for (const end of ends) line(context, x(end), EDGE.top, x(end), HEIGHT - EDGE.bottom);
  }

  function drawCurve(curve, tint, name) {
    const beside = LOSSES.includes(name) ? LOSSES.filter((one) => shown.has(one)) : [name];
    const [low, high] = extent(beside.map((one) => data[one]), name);
    const span = high - low || 1;
    const y = (value) => HEIGHT - EDGE.bottom - 2
      - ((value - low) / span) * (HEIGHT - EDGE.top - EDGE.bottom - 4);
    drawKin(context, kin, name, x, y, tint, {
      left: EDGE.left, top: EDGE.top, width: width - EDGE.left - EDGE.right, height: HEIGHT - EDGE.top - EDGE.bottom,
    });
    const steps = curve.steps.values;
    context.strokeStyle = tint;
    context.fillStyle = tint;
    context.globalAlpha = 0.25;
    if (curve.low !== curve.high) {
      for (let k = 0; k < steps.length; k += 1) {
        const top = y(curve.high.values[k]);
        context.fillRect(x(steps[k]) - 0.75, top, 1.5, Math.max(0, y(curve.low.values[k]) - top));
      }
    }
    context.globalAlpha = 1;
    context.lineWidth = 1.4;
    context.beginPath();
    for (let k = 0; k < steps.length; k += 1) context.lineTo(x(steps[k]), y(curve.mean.values[k]));
    context.stroke();
    if (steps.length === 1) context.fillRect(x(steps[0]) - 2, y(curve.mean.values[0]) - 2, 4, 4);
    context.fillStyle = colour("--bad");
    for (const step of curve.broken.values) context.fillText("×", x(step) - 3, EDGE.top + 8);
  }

  function drawMarks() {
    const { run } = page;
    context.font = "11px system-ui, sans-serif";
    const base = HEIGHT - EDGE.bottom;
    context.fillStyle = colour("--soft");
    context.fillText(kinLegend(kin), EDGE.left + 4, base - 4);
    for (const branch of run.branches) {
      mark(context, x(branch.step), base, colour("--warm"), "◆");
    }
    for (const step of page.options.kept ?? []) {
      context.fillStyle = colour("--accent");
      context.fillRect(x(step) - 0.75, base, 1.5, 5);
    }
    for (const step of page.found ?? []) mark(context, x(step), base, colour("--bad"), "●");
    if (run.best_epoch) mark(context, x(run.best_epoch.step), EDGE.top + 4, colour("--good"), "★");
  }

  function drawAxis() {
    context.fillStyle = colour("--soft");
    context.font = "11px system-ui, sans-serif";
    const [begin, end] = range;
    context.textAlign = "left";
    context.fillText(count(begin), EDGE.left, HEIGHT - 4);
    context.textAlign = "right";
    context.fillText(counted(end, "step"), width - EDGE.right, HEIGHT - 4);
    context.textAlign = "left";
  }
}

/** A line between two points. */
function line(context, x0, y0, x1, y1) {
  context.beginPath();
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
  context.stroke();
}

function mark(context, x, y, tint, sign) {
  context.fillStyle = tint;
  context.textAlign = "center";
  context.fillText(sign, x, y);
  context.textAlign = "left";
}

/** Range that curves are drawn in; a score's is at most 1, and rates begin at 0. */
function extent(curves, name) {
  let low = Infinity;
  let high = -Infinity;
  for (const curve of curves) {
    for (const value of curve.low.values) low = Math.min(low, value);
    for (const value of curve.high.values) high = Math.max(high, value);
  }
  if (name !== "score") low = Math.min(low, 0);
  return [low, high];
}

// Other futures on a run's timeline: the losses of its branches, and of the run it branches off.

// Branches whose curves are drawn: the newest; and how near to a mark a click is one on it.
const MOST_KIN = 5;
const NEAR_MARK = 8;

/** Runs that share a beginning with the page's, each with how far its first step lies off ours. */
function kinOf(run) {
  const branches = run.branches.slice(-MOST_KIN).map((one) => ({ run: one.run, offset: one.step }));
  return run.parent ? [{ run: run.parent[0], offset: -run.parent[1], parent: true }, ...branches] : branches;
}

/** Curves of these runs over the steps that the timeline shows, as far as they come there. */
export async function fetchKin(page, begin, end, bins) {
  if (page.options.still) return [];
  const found = await Promise.all(kinOf(page.run).map(async (one) => {
    const first = Math.max(0, begin - one.offset);
    const last = end - one.offset;
    if (last < 0) return null;
    const curves = await page.ask("timeline", { run: one.run, begin: first, end: last, bins, patient: false });
    return curves && { ...one, curves };
  }));
  return found.filter(Boolean);
}

/** Draw one of their curves, dashed, within a box; `x` and `y` are the timeline's own. */
export function drawKin(context, kin, name, x, y, tint, box) {
  for (const { offset, curves } of kin) {
    const curve = curves[name];
    const steps = curve.steps.values;
    if (!steps.length) continue;
    context.save();
    context.beginPath();
    context.rect(box.left, box.top, box.width, box.height);
    context.clip();
    context.strokeStyle = tint;
    context.lineWidth = 1.2;
    context.setLineDash([5, 3]);
    context.beginPath();
    for (let k = 0; k < steps.length; k += 1) {
      // One that has left the scale runs along its edge.
      context.lineTo(x(steps[k] + offset), Math.max(box.top + 1, y(curve.mean.values[k])));
    }
    context.stroke();
    context.restore();
  }
}

/** What the dashed curves are. */
export function kinLegend(kin) {
  const seen = kin.filter((one) => one.curves.loss.steps.values.length);
  return seen.length ? `dashed: ${seen.map((one) => `run ${one.run}`).join(", ")}` : "";
}

/** The branch whose mark is at a point of the timeline, if there is one. */
export function branchAt(run, x, left, top, base) {
  if (Math.abs(top - (base - 4)) > NEAR_MARK + 2) return null;
  const near = run.branches.filter((one) => Math.abs(x(one.step) - left) <= NEAR_MARK);
  return near.at(-1) ?? null;
}

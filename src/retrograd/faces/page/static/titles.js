// What runs are called where one is chosen: by what they were trained on, and by what matters.

import { brief, count, counted } from "./numbers.js";
import { wordsAmid } from "./words.js";

// Letters of a data set's name, and changes of a branch, that are told at most.
const LONGEST = 24;
const MOST_CHANGES = 3;
// Times that something stands in a row from which on it is counted.
const OFTEN = 4;
// What is no choice of a reader's, but follows from one.
const INTERNAL = new Set(["n_iter_no_change"]);
// What else is told where it alone keeps runs apart.
const BESIDE = {
  target: (value) => `learns ${cut(String(value))}`,
  rows: (value) => counted(value, "row"),
  noise: (value) => `noise ${value}`,
  data_seed: (value) => `draw ${value}`,
  random_state: (value) => `seed ${value}`,
  batch_size: (value) => `batch ${value}`,
  alpha: (value) => `alpha ${brief(value)}`,
  max_iter: (value) => counted(value, "epoch"),
};
const known = new WeakMap();

/** Title of a run among those that there are. */
export function titleOf(run, runs) {
  if (!known.has(runs)) known.set(runs, titlesOf(runs));
  return known.get(runs).get(run.run);
}

function titlesOf(runs) {
  const alike = new Map();
  for (const run of runs.filter(isPlayed)) {
    const name = nameOf(run);
    alike.set(name, [...(alike.get(name) ?? []), run]);
  }
  return new Map(runs.map((run) => {
    const words = run.parent ? branchWords(run)
      : isPlayed(run) ? [nameOf(run), ...besideOf(run, alike.get(nameOf(run)))].join(", ")
        : otherWords(run);
    return [run.run, `run ${run.run}${words ? `: ${words}` : ""}`];
  }));
}

/** Whether it says what it was trained on, and is no branch, which has its parent's data. */
function isPlayed(run) {
  return Boolean(run.data) && !run.parent;
}

function nameOf({ data, widths, activations, solver, parameters }) {
  const hidden = widths.slice(1, -1).join("-");
  const network = hidden ? `${hidden} ${[...new Set(activations)].join("/")}` : "no hidden layer";
  return `${cut(data.title)}, ${network}, ${solver} ${brief(parameters.learning_rate_init)}`;
}

/** What tells a run from those that are called alike; no more of it than is needed. */
function besideOf(run, alike) {
  const words = [];
  for (const [name, say] of Object.entries(BESIDE)) {
    const value = (one) => one.data[name] ?? one.parameters[name];
    const still = alike.filter((one) => value(one) === value(run));
    if (still.length < alike.length && value(run) !== undefined) words.push(say(value(run)));
    alike = still;
  }
  return words;
}

function branchWords({ parent, changed }) {
  const told = (changed ?? []).filter(({ name }) => !INTERNAL.has(name));
  const some = told.slice(0, MOST_CHANGES).map(changeOf);
  if (told.length > some.length) some.push("…");
  return [`off run ${parent[0]} at step ${count(parent[1])}`, some.join(", ")].filter(Boolean).join(": ");
}

function changeOf({ name, was, is }) {
  return was === undefined ? `${name} = ${is}` : `${wordsAmid(name)} ${is}`;
}

/** Where it stands in a search, and its parameters that others have otherwise. */
function otherWords(run) {
  const differing = Object.entries(run.differing ?? {}).map(([name, value]) => `${name}=${value}`);
  return [run.place, differing.join(", ")].filter(Boolean).join(" · ");
}

function cut(text) {
  const letters = Array.from(text);
  return letters.length > LONGEST ? `${letters.slice(0, LONGEST - 1).join("")}…` : text;
}

/** A list in which what comes often in a row, as in deep networks, is there once, and how often. */
export function folded(list) {
  const told = [];
  for (let k = 0; k < list.length;) {
    let times = 1;
    while (list[k + times] === list[k]) times += 1;
    told.push(...(times < OFTEN ? Array(times).fill(list[k]) : [`${times} × ${list[k]}`]));
    k += times;
  }
  return told;
}

// Answers that came with the page, where there is nobody to ask: those of some moments.

import { unpack } from "./wire.js";

/**
 * Open answers as still.py packs them.
 *
 * `texts` maps "run", and the step of every moment that is kept, to base64. Promises `ask`, for
 * `mount`, and the options that go with it.
 */
export async function openKept(texts) {
  const about = await unpackText(texts.run);
  const moments = new Map();
  const keyOf = (name, args) => JSON.stringify([
    name, ...(about.told_by[name] ?? Object.keys(args).sort()).map((key) => args[key]),
  ]);
  const tabled = ({ answers }) => new Map(answers.map((one) => [
    keyOf(one.ask, one.with), answers[one.as] ?? one,
  ]));
  const ofRun = tabled(about);

  async function momentOf(step) {
    const text = texts[step];
    if (text === undefined) return new Map();
    if (!moments.has(step)) moments.set(step, unpackText(text).then(tabled));
    return moments.get(step);
  }

  async function ask(name, args = {}) {
    const key = keyOf(name, args);
    const found = ofRun.get(key) ?? (await momentOf(args.step)).get(key);
    if (found?.error !== undefined) throw new Error(found.error);
    if (found) return found.answer;
    const error = new Error("This is not in the snapshot: the run itself has it.");
    error.quiet = about.in_passing.includes(name);
    throw error;
  }

  return { ask, options: { still: true, run: about.run, kept: about.steps } };
}

async function unpackText(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"));
  return unpack(await new Response(stream).arrayBuffer());
}

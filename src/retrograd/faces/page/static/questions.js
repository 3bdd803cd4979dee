// Questions that are under way: each has a number, and an answer says to which one it belongs.

import { pack, unpack } from "./wire.js";

/** The arguments of a question that has something done: asked again, it is done but once. */
export function once(args) {
  return { ...args, key: `${Date.now()}-${Math.random()}` };
}

/** Ask what a plain view may not know, without a word if it does not. */
export async function quietly(page, name, args = {}) {
  try {
    return await page.asked(name, args);
  } catch {
    return null;
  }
}

/**
 * Ask through `send`, hear what comes back; what waits for its answer can be asked again.
 *
 * Questions are numbered from `number` on.
 */
export function questions(send, number = 0) {
  const waiting = new Map();
  return {
    /** Promise an answer. */
    ask(name, args) {
      number += 1;
      const mine = number;
      const { content, ...others } = args ?? {};
      const question = { number: mine, ask: name, with: others };
      const message = content === undefined ? JSON.stringify(question) : pack(question, content);
      return new Promise((resolve, reject) => {
        waiting.set(mine, { message, resolve, reject });
        send(message);
      });
    },
    /** Hear a message; whether it was an answer to one of these questions. */
    hear(data) {
      const { number: which, answer, error } = unpack(data);
      const asked = waiting.get(which);
      waiting.delete(which);
      if (!asked) return false;
      if (error === undefined) asked.resolve(answer);
      else asked.reject(new Error(error));
      return true;
    },
    waits: () => waiting.size > 0,
    again() {
      for (const { message } of waiting.values()) send(message);
    },
  };
}

// Questions that are under way: each has a number, and an answer says to which one it belongs.

import { pack, unpack } from "./wire.js";

/** Ask through `send`, hear what comes back; what waits for its answer can be asked again. */
export function questions(send) {
  const waiting = new Map();
  let number = 0;
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
    hear(data) {
      const { number: which, answer, error } = unpack(data);
      const asked = waiting.get(which);
      waiting.delete(which);
      if (!asked) return;
      if (error === undefined) asked.resolve(answer);
      else asked.reject(new Error(error));
    },
    again() {
      for (const { message } of waiting.values()) send(message);
    },
  };
}

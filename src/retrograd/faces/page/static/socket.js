// Questions over a WebSocket; if it drops, it is opened again, and what was asked is asked again.

import { pack, unpack } from "./wire.js";

const WAIT_MS = [250, 500, 1000, 2000, 4000];
// What a server says when it ends. Its address goes with it, so that there is nothing to wait for.
const ENDED = 1012;

/** Connect; `ask` promises an answer, `onState` is told "open", "lost", "silent" and "ended". */
export function connect(address, onState = () => {}) {
  const waiting = new Map();
  let number = 0;
  let tries = 0;
  let socket = null;

  function open() {
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      tries = 0;
      onState("open");
      for (const { message } of waiting.values()) socket.send(message);
    };
    socket.onmessage = ({ data }) => {
      const { number: which, answer, error } = unpack(data);
      const asked = waiting.get(which);
      waiting.delete(which);
      if (!asked) return;
      if (error === undefined) asked.resolve(answer);
      else asked.reject(new Error(error));
    };
    socket.onclose = ({ code }) => {
      if (code === ENDED) return onState("ended");
      onState(tries < WAIT_MS.length ? "lost" : "silent");
      setTimeout(open, WAIT_MS[Math.min(tries, WAIT_MS.length - 1)]);
      tries += 1;
      return undefined;
    };
  }

  open();
  return function ask(name, args) {
    number += 1;
    const mine = number;
    const { content, ...others } = args ?? {};
    const question = { number: mine, ask: name, with: others };
    const message = content === undefined ? JSON.stringify(question) : pack(question, content);
    return new Promise((resolve, reject) => {
      waiting.set(mine, { message, resolve, reject });
      if (socket.readyState === WebSocket.OPEN) socket.send(message);
    });
  };
}

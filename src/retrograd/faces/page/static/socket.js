// Questions over a WebSocket; if it drops, it is opened again, and what was asked is asked again.

import { questions } from "./questions.js";

const WAIT_MS = [250, 500, 1000, 2000, 4000];
// What a server says when it ends. Its address goes with it, so that there is nothing to wait for.
const ENDED = 1012;

/** Connect; `ask` promises an answer, `onState` is told "open", "lost", "silent" and "ended". */
export function connect(address, onState = () => {}) {
  let tries = 0;
  let socket = null;
  const { ask, hear, again } = questions((message) => {
    if (socket.readyState === WebSocket.OPEN) socket.send(message);
  });

  function open() {
    socket = new WebSocket(address);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      tries = 0;
      onState("open");
      again();
    };
    socket.onmessage = ({ data }) => hear(data);
    socket.onclose = ({ code }) => {
      if (code === ENDED) return onState("ended");
      onState(tries < WAIT_MS.length ? "lost" : "silent");
      setTimeout(open, WAIT_MS[Math.min(tries, WAIT_MS.length - 1)]);
      tries += 1;
      return undefined;
    };
  }

  open();
  return ask;
}

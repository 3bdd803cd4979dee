// Why panels may be late: the engine's kernels are compiled when a machine first needs them.

import { quietly } from "./training.js";

const LOOK_AGAIN_MS = 500;
const COMPILING = "Compiling the kernels, once on this machine: this may take a minute …";

/** What is to be called when a panel is late: while any is, it asks why, and says so. */
export function compilingTold(page) {
  let looking = false;

  async function look() {
    const answer = await quietly(page, "compiling");
    const said = page.notice.textContent;
    if (answer?.compiling && !said) page.tell(COMPILING);
    else if (!answer?.compiling && said === COMPILING) page.tell("");
  }

  return async () => {
    if (looking || !page.options.address || page.options.still) return;
    looking = true;
    while (!page.closed && page.root.querySelector(".panel[aria-busy]")) {
      await look();
      await new Promise((done) => { setTimeout(done, LOOK_AGAIN_MS); });
    }
    if (page.notice.textContent === COMPILING) page.tell("");
    looking = false;
  };
}

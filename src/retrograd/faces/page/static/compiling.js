// Why panels may be late: the engine's kernels are compiled when a machine first needs them.

import { quietly } from "./questions.js";

const LOOK_AGAIN_MS = 500;
/** What is said meanwhile, amid a sentence. */
export const COMPILING = "compiling the kernels, once on this machine; some seconds …";
const NOTICE = COMPILING.charAt(0).toUpperCase() + COMPILING.slice(1);

/** What is to be called when a panel is late: while any is, it asks why, and says so. */
export function compilingTold(page) {
  let looking = false;

  async function look() {
    const answer = await quietly(page, "compiling");
    const said = page.notice.textContent;
    if (answer?.compiling && !said) page.tell(NOTICE);
    else if (!answer?.compiling && said === NOTICE) page.tell("");
  }

  return async () => {
    if (looking || !page.options.address || page.options.still) return;
    looking = true;
    while (!page.closed && page.root.querySelector(".panel[aria-busy]")) {
      await look();
      await new Promise((done) => { setTimeout(done, LOOK_AGAIN_MS); });
    }
    if (page.notice.textContent === NOTICE) page.tell("");
    looking = false;
  };
}

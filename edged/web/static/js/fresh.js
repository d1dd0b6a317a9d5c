// A page of facts that stays fresh: what the box says anew takes the place of what changed.

import { localTimes } from "/static/js/words.js";

const EVERY_MS = 5000;
const served = new Map();

localTimes();
for (const part of document.querySelectorAll("[data-fresh]")) served.set(part.dataset.fresh, part.innerHTML);
setInterval(() => document.hidden || freshen(), EVERY_MS);

async function freshen() {
  try {
    const response = await fetch(location.href, { cache: "no-store", signal: AbortSignal.timeout(EVERY_MS) });
    if (response.redirected) return location.reload();
    if (!response.ok) return;
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const now = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      if (!now || now.innerHTML === served.get(part.dataset.fresh)) continue;
      served.set(part.dataset.fresh, now.innerHTML);
      part.replaceChildren(...now.childNodes);
      localTimes(part);
    }
  } catch {
    // Out of reach; what is shown is what was known last.
  }
}

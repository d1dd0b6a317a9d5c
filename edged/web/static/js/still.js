// <edged-still>: a camera's still picture, asked for anew every few seconds while somebody looks.

import { carried } from "/static/js/carried.js";
import { states } from "/static/js/states.js";
import { reasonIn } from "/static/js/whep.js";
import { say } from "/static/js/words.js";

const EVERY_MS = 5000;
const ANSWER_MS = 4000;

class EdgedStill extends HTMLElement {
  #timer = 0;
  #shown = "";

  connectedCallback() {
    this.picture = this.querySelector("img");
    this.#timer = setInterval(() => document.hidden || this.#refresh(), EVERY_MS);
    states.addEventListener("signed-out", () => this.#end());
    states.start();
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  async #refresh() {
    try {
      const response = await fetch(carried(`/images/${this.dataset.slug}`), {
        cache: "no-store",
        signal: AbortSignal.timeout(ANSWER_MS),
      });
      if (response.status === 401) return states.endSession();
      if (!response.ok) return reasonIn(await response.text()) === "code" && states.endSession();
      const before = this.#shown;
      this.#shown = URL.createObjectURL(await response.blob());
      this.picture.src = this.#shown;
      if (before) URL.revokeObjectURL(before);
    } catch {
      // Out of reach: the next try tells.
    }
  }

  #end() {
    clearInterval(this.#timer);
    this.picture.remove();
    const cover = this.querySelector(".player-cover");
    cover.hidden = false;
    cover.querySelector(".player-words").textContent = say("ended");
  }
}

customElements.define("edged-still", EdgedStill);

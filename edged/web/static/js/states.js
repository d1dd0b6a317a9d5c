// What the house says of its cameras: one event stream for all players of the page.

import { carried, guest } from "/static/js/carried.js";
import { reasonIn } from "/static/js/whep.js";

const AWAY_MS = 30_000;
const RETRY_MS = [500, 3000];
const ANSWER_MS = 2000; // a box that takes longer to answer is out of reach

/**
 * Events: `cameras` (detail: Map of slug to camera), `reach` (`lost` changed: whether the box is out of reach) and
 * `signed-out` (once; nothing is asked after it).
 */
class States extends EventTarget {
  cameras = new Map();
  signedOut = false;
  lost = false;
  #started = false;
  #source = null;
  #retry = 0;
  #delay = RETRY_MS[0];
  #away = 0;
  #asking = null;

  /** Begin to listen; later calls do nothing. Pages that are hidden for long stop listening, and come back. */
  start() {
    if (this.#started || this.signedOut) return;
    this.#started = true;
    this.#open();
    document.addEventListener("visibilitychange", () => {
      clearTimeout(this.#away);
      if (document.hidden) this.#away = setTimeout(() => this.#close(), AWAY_MS);
      else if (!this.#source) this.#open();
    });
    addEventListener("pagehide", () => this.#close());
    addEventListener("pageshow", (event) => event.persisted && !this.#source && this.#open());
  }

  /** The session or the link has ended: everybody stops asking. */
  endSession() {
    if (this.signedOut) return;
    this.signedOut = true;
    this.#close();
    this.dispatchEvent(new Event("signed-out"));
  }

  /** Ask whether the box still answers: a connection that was cut does not tell. Resolves when that is known. */
  check() {
    if (!this.signedOut && !document.hidden) this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  #open() {
    if (this.signedOut) return;
    this.#close();
    const source = new EventSource(carried("/api/events"));
    this.#source = source;
    source.addEventListener("open", () => {
      this.#delay = RETRY_MS[0];
      this.#reach(true);
    });
    source.addEventListener("cameras", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("signed-out", () => this.endSession());
    source.addEventListener("ended", () => this.endSession()); // the same, of a guest's link
    source.addEventListener("error", () => {
      // An event stream never tells why it failed: ask for the same in a way that does.
      if (this.#source !== source) return;
      this.#close();
      this.check(); // a hidden page listens anew when it is seen
    });
  }

  async #ask() {
    let answered = false;
    try {
      const response = await fetch(carried("/api/cameras"), { cache: "no-store", signal: AbortSignal.timeout(ANSWER_MS) });
      if (response.status === 401 || response.status === 403) return this.endSession();
      if (guest && response.status === 404 && reasonIn(await response.text()) === "code") return this.endSession();
      if (response.ok) this.#take(await response.json());
      answered = response.status < 500;
    } catch {
      // Out of reach; the next try tells.
    }
    if (this.signedOut) return;
    if (!answered) this.#close();
    this.#reach(answered);
    if (!this.#source) this.#later(answered);
  }

  /** After a while listen again, or first ask whether there is somebody to listen to. */
  #later(answered) {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      if (this.#source || document.hidden) return;
      if (answered) this.#open();
      else this.check();
    }, this.#delay);
    this.#delay = Math.min(this.#delay * 2, RETRY_MS[1]);
  }

  #reach(answered) {
    if (this.lost === !answered) return;
    this.lost = !answered;
    if (answered) [this.#delay] = RETRY_MS;
    this.dispatchEvent(new Event("reach"));
  }

  #close() {
    clearTimeout(this.#retry);
    this.#source?.close();
    this.#source = null;
  }

  #take(told) {
    const list = Array.isArray(told) ? told : (told.cameras ?? []);
    this.cameras = new Map(list.map((camera) => [camera.slug, camera]));
    this.dispatchEvent(new CustomEvent("cameras", { detail: this.cameras }));
  }
}

export const states = new States();

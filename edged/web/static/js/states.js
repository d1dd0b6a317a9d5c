// What the house says of its cameras: one event stream for all players of the page.

const AWAY_MS = 30_000;
const RETRY_MS = [500, 10_000];

/**
 * Events: `cameras` (detail: Map of slug to camera) and `signed-out` (once; nothing is asked after it).
 */
class States extends EventTarget {
  cameras = new Map();
  signedOut = false;
  #started = false;
  #source = null;
  #retry = 0;
  #delay = RETRY_MS[0];
  #away = 0;

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

  /** The session has ended: everybody stops asking. */
  endSession() {
    if (this.signedOut) return;
    this.signedOut = true;
    this.#close();
    this.dispatchEvent(new Event("signed-out"));
  }

  #open() {
    if (this.signedOut) return;
    const source = new EventSource("/api/events");
    this.#source = source;
    source.addEventListener("open", () => (this.#delay = RETRY_MS[0]));
    source.addEventListener("cameras", (event) => this.#take(JSON.parse(event.data)));
    source.addEventListener("signed-out", () => this.endSession());
    source.addEventListener("error", () => {
      // An event stream never tells why it failed: ask for the same in a way that does.
      if (this.#source === source) this.#ask();
    });
  }

  async #ask() {
    this.#close();
    try {
      const response = await fetch("/api/cameras", { cache: "no-store" });
      if (response.status === 401 || response.status === 403) return this.endSession();
      if (response.ok) this.#take(await response.json());
    } catch {
      // The box is out of reach; the next try tells.
    }
    this.#retry = setTimeout(() => !this.#source && !document.hidden && this.#open(), this.#delay);
    this.#delay = Math.min(this.#delay * 2, RETRY_MS[1]);
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

// <edged-player>: one camera's live picture, which keeps itself alive and says in words what it is doing.
//
// Attributes to read from outside: data-state (starting, live, frozen, reconnecting, unplugged, failed, disabled,
// paused, signed-out, ended, full, forbidden, gone, unsupported), data-live (webrtc or hls, once a picture came).

import { guest } from "/static/js/carried.js";
import { states } from "/static/js/states.js";
import { moment, say } from "/static/js/words.js";
import { openWhep, Refused } from "/static/js/whep.js";

const PATIENCE_MS = { webrtc: 3000, hls: 8000 }; // until the first picture, or the next step towards it
const FROZEN_MS = { webrtc: 1500, hls: 3000 }; // without a new picture: say so
const LOST_MS = { webrtc: 3500, hls: 8000 }; // without a new picture: start anew
const RETRY_MS = [500, 3000];
const VERDICT_MS = 1000; // to learn whether a frozen picture is the camera's fault or the connection's
const AWAY_MS = 30_000;
const LOOK_MS = 500;
const WEBRTC_AGAIN_MS = 60_000; // after it gave no picture but HLS did
const OVER = guest ? "ended" : "signed-out"; // whoever may not watch any more
const ENDED = new Set(["signed-out", "ended", "forbidden", "gone", "unsupported"]);
const SOON = { starting: "starting", stalled: "frozen" }; // nothing to ask for yet, but it may come without a word
const SOON_MS = 5000;
const SEATS_SECONDS = 5; // all seats of a link are taken: ask again after so long
const HELD = { unplugged: "unplugged", disabled: "disabled", failed: "failed" };

/** Calls `over` once nobody has turned it for so long; never after `stop`. */
function hourglass(milliseconds, over) {
  let timer = setTimeout(over, milliseconds);
  const stop = () => {
    clearTimeout(timer);
    timer = 0;
  };
  const turn = () => {
    if (!timer) return;
    clearTimeout(timer);
    timer = setTimeout(over, milliseconds);
  };
  return { turn, stop };
}

export class EdgedPlayer extends HTMLElement {
  #run = null;
  #session = null;
  #wake = () => {};
  #away = false;
  #seen = true;
  #leaving = 0;
  #noWebrtcUntil = 0;
  #camera = null;
  #observer = null;
  #pictures = 0;
  #attempting = null;
  #eager = false;
  #why = "starting"; // what to say of a missing picture while box and camera seem well

  connectedCallback() {
    if (this.#run) return;
    this.video = this.querySelector("video");
    this.video.muted = true;
    this.words = this.querySelector(".player-words");
    this.#camera = { state: this.dataset.camera, since: this.dataset.since };
    const run = new AbortController();
    this.#run = run;
    const { signal } = run;
    states.addEventListener("cameras", (event) => this.#told(event.detail), { signal });
    states.addEventListener("reach", () => this.#reach(), { signal });
    states.addEventListener("signed-out", () => this.#end(OVER), { signal });
    document.addEventListener("visibilitychange", () => this.#look(), { signal });
    addEventListener("pagehide", () => this.#drop(), { signal });
    addEventListener("pageshow", (event) => event.persisted && this.#wake(), { signal });
    addEventListener("online", () => this.#fresh(), { signal });
    this.#observer = new IntersectionObserver(([entry]) => {
      this.#seen = entry.isIntersecting;
      this.#look();
    });
    this.#observer.observe(this);
    this.#keepAlive(signal);
    states.start();
  }

  disconnectedCallback() {
    this.#observer?.disconnect();
    this.#run?.abort();
    this.#run = null;
    this.#drop();
  }

  /** The mode in use and the milliseconds behind, for those who ask; null while there is no picture. */
  async facts() {
    if (!this.#session || this.dataset.state !== "live") return null;
    const session = this.#session;
    return { mode: session.mode, latency: await session.latency(), width: this.video.videoWidth, height: this.video.videoHeight };
  }

  /** Pictures received since the session began. */
  async frames() {
    return this.#session ? this.#session.frames() : 0;
  }

  async #keepAlive(signal) {
    let [delay] = RETRY_MS;
    while (!signal.aborted) {
      await this.#permitted(signal);
      if (signal.aborted) return;
      if (this.#eager) [delay] = RETRY_MS;
      this.#eager = false;
      const outcome = await this.#attempt(signal);
      if (signal.aborted || ENDED.has(this.dataset.state)) return;
      if (outcome.had) [delay] = RETRY_MS;
      if (outcome.held || this.#eager) continue;
      this.#show(this.#trouble());
      await this.#rest(Math.max(delay, outcome.wait * 1000), signal);
      delay = Math.min(delay * 2, RETRY_MS[1]);
    }
  }

  /** Wait while there is nothing to ask for: nobody looks, or the camera cannot send. */
  async #permitted(signal) {
    let patient = true;
    while (!signal.aborted) {
      const held = HELD[this.#camera.state];
      const soon = patient && SOON[this.#camera.state];
      if (!held && !soon && !this.#away) return;
      this.#show(held ?? (this.#away ? "paused" : this.#trouble()));
      patient = Boolean(held || this.#away);
      await this.#rest(patient ? 0 : SOON_MS, signal);
    }
  }

  /** Try each way in turn; watch the one that works until it ends. */
  async #attempt(signal) {
    const outcome = { had: false, held: false, wait: 0 };
    const modes = this.#modes();
    if (!modes.length) return this.#end("unsupported"), outcome;
    if (!this.#pictures) this.#show(this.#trouble());
    for (const mode of modes) {
      const alternatives = modes.indexOf(mode) < modes.length - 1;
      const attempt = new AbortController();
      this.#attempting = attempt;
      const stop = () => attempt.abort(signal.reason);
      signal.addEventListener("abort", stop, { once: true });
      const patience = alternatives ? PATIENCE_MS[mode] : Math.max(PATIENCE_MS[mode], 8000);
      const glass = hourglass(patience, () => attempt.abort(new Error("no picture")));
      try {
        const session = await this.#open(mode, attempt.signal, glass.turn);
        this.#session = session;
        await Promise.race([this.#firstPicture(attempt.signal), session.lost.then((why) => Promise.reject(why))]);
        glass.stop();
        outcome.had = true;
        if (mode === "hls" && modes[0] === "webrtc") this.#noWebrtcUntil = performance.now() + WEBRTC_AGAIN_MS;
        this.#begin(mode);
        outcome.held = await this.#watch(session, signal);
        return outcome;
      } catch (error) {
        if (signal.aborted) return outcome;
        if (error instanceof Refused) {
          outcome.wait = error.retryAfter;
          if (error.status === 401 || error.reason === "code") return states.endSession(), this.#end(OVER), outcome;
          if (error.status === 403) return this.#end("forbidden"), outcome;
          if (error.reason === "seats") return (this.#why = "full"), (outcome.wait ||= SEATS_SECONDS), outcome;
          if (error.status === 404 || error.status === 429) return outcome; // not there yet, or too many: later
        } else if (error?.message === "unsupported") {
          if (!alternatives) this.#end("unsupported");
        } else {
          console.debug(`${this.dataset.slug}, ${mode}: ${error?.message ?? error}`);
          if (!this.#eager) states.check();
        }
      } finally {
        glass.stop();
        signal.removeEventListener("abort", stop);
        attempt.abort();
        this.#attempting = null;
        this.#drop();
      }
      if (this.#eager || this.#away || HELD[this.#camera.state]) break;
    }
    outcome.held = Boolean(this.#away || HELD[this.#camera.state]);
    return outcome;
  }

  #modes() {
    const modes = (this.dataset.modes ?? "").split(" ").filter(Boolean);
    const webrtc = "RTCPeerConnection" in globalThis && (performance.now() >= this.#noWebrtcUntil || modes.length === 1);
    return modes.filter((mode) => mode !== "webrtc" || webrtc);
  }

  /** `progress` is called at each step that is taken, a few times at most. */
  async #open(mode, signal, progress) {
    const crowd = document.querySelectorAll("edged-player").length;
    const wish = { slug: this.dataset.slug, signal, progress, lowLatency: "lowLatency" in this.dataset, crowd };
    if (mode === "webrtc") return openWhep(this.video, wish);
    const { openHls } = await import("/static/js/hlslive.js");
    signal.throwIfAborted();
    progress();
    return openHls(this.video, wish);
  }

  #firstPicture(signal) {
    const { video } = this;
    return new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      video.play().catch((error) => {
        if (error.name === "NotAllowedError") this.#askForTap();
      });
      if (video.requestVideoFrameCallback) video.requestVideoFrameCallback(() => resolve());
      else video.addEventListener("timeupdate", () => video.videoWidth && resolve(), { signal });
    });
  }

  #askForTap() {
    this.words.textContent = say("tap");
    this.addEventListener("click", () => this.video.play().catch(() => {}), { once: true });
  }

  #begin(mode) {
    this.#pictures += 1;
    this.#why = "reconnecting";
    this.dataset.live = mode;
    this.querySelector(".player-still")?.remove();
    if (!HELD[this.#camera.state]) this.#show("live");
    performance.mark("first-picture", { detail: { slug: this.dataset.slug, mode } });
    this.dispatchEvent(new CustomEvent("first-picture", { bubbles: true, detail: { mode } }));
  }

  /** Until the pictures end. True when they were let go on purpose, and nothing is to be said of it. */
  async #watch(session, signal) {
    let last = await session.frames();
    let since = performance.now();
    let ended = false;
    session.lost.then((why) => {
      ended = true;
      console.debug(`${this.dataset.slug}, ${session.mode}: lost, ${why?.message ?? why}`);
    });
    while (!ended && !signal.aborted) {
      await Promise.race([this.#rest(LOOK_MS, signal), session.lost]);
      if (this.#away || HELD[this.#camera.state]) return true;
      const now = performance.now();
      const frames = await session.frames();
      if (ended || signal.aborted) break;
      if (frames !== last || document.hidden || !this.#seen) {
        [last, since] = [frames, now];
        this.#why = "reconnecting";
        if (!document.hidden && this.dataset.state !== "live") this.#show("live");
      } else if (now - since > LOST_MS[session.mode]) {
        return false;
      } else if (now - since > FROZEN_MS[session.mode]) {
        this.#why = states.lost ? "reconnecting" : "frozen";
        if (this.dataset.state === "live" && !states.lost) await Promise.race([states.check(), this.#rest(VERDICT_MS, signal)]);
        if (!signal.aborted && !HELD[this.#camera.state] && !this.#away) this.#show(this.#trouble());
      }
    }
    return false;
  }

  /** Let go of the running session, keeping its last picture in sight. */
  #drop() {
    if (!this.#session) return;
    this.#keepStill();
    this.#session.close();
    this.#session = null;
    delete this.dataset.live;
  }

  #keepStill() {
    const { video } = this;
    if (!video.videoWidth || video.readyState < 2 || this.querySelector(".player-still")) return;
    const still = document.createElement("canvas");
    still.className = "player-still";
    still.width = video.videoWidth;
    still.height = video.videoHeight;
    still.getContext("2d").drawImage(video, 0, 0);
    video.after(still);
  }

  #told(cameras) {
    const before = this.#camera.state;
    const camera = cameras.get(this.dataset.slug);
    if (!camera) return this.#end(guest ? OVER : "gone"); // a link may go on with other cameras
    this.#camera = camera;
    if (ENDED.has(this.dataset.state)) return;
    const held = HELD[camera.state];
    if (held) {
      this.#why = "starting";
      this.#show(held);
    } else if (this.dataset.state === "live" ? camera.state === "stalled" : this.dataset.state !== "paused") {
      this.#show(this.#trouble());
    }
    if (camera.state === before) return;
    if (camera.state === "live") this.#fresh();
    this.#wake();
  }

  /** What to say while no picture comes: a box out of reach first, then what the camera is known to do. */
  #trouble() {
    if (states.lost) return "reconnecting";
    return SOON[this.#camera.state] ?? this.#why;
  }

  #reach() {
    if (states.lost) this.#why = "reconnecting";
    else this.#fresh();
    if (["starting", "frozen", "reconnecting", "full"].includes(this.dataset.state)) this.#show(this.#trouble());
  }

  /** There is reason to hope: try at once, and let go of a try that began without hope. */
  #fresh() {
    if (this.dataset.live) return;
    this.#eager = true;
    this.#attempting?.abort(new Error("anew"));
    this.#wake();
  }

  /** What is out of sight for long is not pulled; what comes back into sight is there at once. */
  #look() {
    const out = document.hidden || !this.#seen;
    if (out && !this.#leaving && !this.#away) {
      this.#leaving = setTimeout(() => {
        this.#away = true;
        this.#leaving = 0;
        this.#wake();
      }, AWAY_MS);
    } else if (!out) {
      clearTimeout(this.#leaving);
      this.#leaving = 0;
      if (this.#away) {
        this.#away = false;
        this.#wake();
      }
    }
  }

  #rest(milliseconds, signal) {
    return new Promise((resolve) => {
      const timer = milliseconds ? setTimeout(resolve, milliseconds) : 0;
      const done = () => (clearTimeout(timer), resolve());
      this.#wake = done;
      signal.addEventListener("abort", done, { once: true });
    });
  }

  #show(state) {
    const words = state === "live" ? "" : say(state, { time: this.#camera.since ? moment(new Date(this.#camera.since), "since") : "" });
    if (this.dataset.state !== state) {
      this.dataset.state = state;
      this.dispatchEvent(new CustomEvent("state", { bubbles: true, detail: { state } }));
    }
    if (this.words.textContent !== words) this.words.textContent = words;
  }

  #end(state) {
    if (ENDED.has(this.dataset.state)) return;
    this.#show(state);
    this.#run?.abort();
    this.#drop();
    if (state === "unsupported") return;
    this.querySelector(".player-still")?.remove();
    this.video.removeAttribute("poster");
    this.video.srcObject = null;
    if (state === "signed-out") {
      const link = document.createElement("a");
      link.href = `/login?next=${encodeURIComponent(location.pathname)}`;
      link.textContent = say("sign_in");
      this.words.append(" · ", link);
    }
  }
}

customElements.define("edged-player", EdgedPlayer);

// What a person does with a player: sound, picture to keep, full screen, facts; by button and by key.

import { say } from "/static/js/words.js";

const FACTS_MS = 1000;
const VOLUME_STEP = 0.1;
let awake = null;

/** Show the player's buttons and make them work. */
export function equip(player) {
  const bar = player.querySelector(".player-controls");
  if (!bar) return;
  bar.hidden = false;
  bar.addEventListener("click", (event) => {
    const name = event.target.closest("button")?.dataset.do;
    if (name) deeds[name]?.(player);
  });
  player.querySelector("video").addEventListener("dblclick", () => deeds.fullscreen(player));
  player.addEventListener("state", () => nameSound(player));
}

const deeds = {
  sound(player) {
    player.video.muted = !player.video.muted;
    nameSound(player);
  },

  snapshot(player) {
    const { video } = player;
    if (!video.videoWidth || player.dataset.state !== "live") return;
    const canvas = document.createElement("canvas");
    canvas.width = video.videoWidth;
    canvas.height = video.videoHeight;
    canvas.getContext("2d").drawImage(video, 0, 0);
    canvas.toBlob(
      (blob) => {
        const link = document.createElement("a");
        link.href = URL.createObjectURL(blob);
        link.download = `${player.dataset.slug} ${new Date().toISOString().slice(0, 19).replaceAll(":", "-")}Z.jpg`;
        link.click();
        setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      },
      "image/jpeg",
      0.92,
    );
  },

  async fullscreen(player) {
    if (document.fullscreenElement) return document.exitFullscreen();
    if (!player.requestFullscreen) return player.video.webkitEnterFullscreen?.();
    await player.requestFullscreen().catch(() => {});
  },

  info(player) {
    const output = player.querySelector(".player-info");
    const button = player.querySelector("[data-do=info]");
    if (!output) return;
    output.hidden = !output.hidden;
    button.setAttribute("aria-pressed", String(!output.hidden));
    if (!output.hidden) tell(player, output);
  },
};

async function tell(player, output) {
  let before = { frames: await player.frames(), at: performance.now() };
  while (!output.hidden && player.isConnected) {
    await new Promise((resolve) => setTimeout(resolve, FACTS_MS));
    const now = { frames: await player.frames(), at: performance.now() };
    const facts = await player.facts();
    const fps = Math.max(0, Math.round(((now.frames - before.frames) * 1000) / (now.at - before.at)));
    before = now;
    output.value = facts
      ? say("info_line", { ...facts, mode: say(`mode_${facts.mode}`), fps, latency: facts.latency ?? "?" })
      : (player.words.textContent ?? "");
  }
}

function nameSound(player) {
  const button = player.querySelector("[data-do=sound]");
  if (!button) return;
  const on = !player.video.muted;
  button.toggleAttribute("data-on", on);
  const words = say(on ? "sound_off" : "sound_on");
  button.title = `${words} (M)`;
  button.querySelector(".sr").textContent = words;
}

/** The keys: on the wall for the tile that has the focus, on a camera's page for its one player. */
export function listenToKeys() {
  const stage = document.querySelector(".stage-picture");
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, textarea, select")) return;
    const tile = document.activeElement?.closest("[data-tile]");
    const player = stage ? stage.querySelector("edged-player") : tile?.querySelector("edged-player");
    if (!player) return;
    const deed = { f: "fullscreen", m: "sound", s: "snapshot", i: "info" }[event.key.toLowerCase()];
    if (deed) deeds[deed](player);
    else if (event.key === "ArrowUp" || event.key === "ArrowDown") louder(player, event.key === "ArrowUp" ? VOLUME_STEP : -VOLUME_STEP);
    else if (event.key === "ArrowLeft" || event.key === "ArrowRight") step(stage, tile, event.key === "ArrowRight");
    else if (event.key === "Escape" && player.querySelector(".player-info")?.hidden === false) deeds.info(player);
    else return;
    event.preventDefault();
  });
  document.addEventListener("fullscreenchange", keepAwake);
  document.addEventListener("visibilitychange", keepAwake);
}

function louder(player, change) {
  if (player.video.muted) return;
  player.video.volume = Math.min(1, Math.max(0, player.video.volume + change));
}

function step(stage, tile, forward) {
  if (stage) {
    const slug = forward ? stage.dataset.next : stage.dataset.previous;
    if (slug && !document.fullscreenElement) location.href = `/cameras/${slug}`;
    return;
  }
  const neighbour = forward ? tile.nextElementSibling : tile.previousElementSibling;
  neighbour?.querySelector(".tile-link")?.focus();
}

/** A full screen stays awake, where the browser lets us ask for it. */
async function keepAwake() {
  for (const player of document.querySelectorAll("edged-player")) {
    const words = say(document.fullscreenElement === player ? "fullscreen_leave" : "fullscreen");
    const button = player.querySelector("[data-do=fullscreen]");
    if (button) [button.title, button.querySelector(".sr").textContent] = [`${words} (F)`, words];
  }
  if (document.fullscreenElement && !document.hidden) {
    awake ??= await navigator.wakeLock?.request("screen").catch(() => null);
  } else {
    awake?.release().catch(() => {});
    awake = null;
  }
}

// The live pages: players first, then everything that keeps the page as fresh as its pictures.

import "/static/js/player.js";
import { equip, listenToKeys } from "/static/js/controls.js";
import { localTimes } from "/static/js/words.js";
import { states } from "/static/js/states.js";

const SETTLE_MS = 400;
const LISTS_MS = 60_000;
const TROUBLES_MS = 10_000; // what is wrong with the house is not told of cameras
const labels = JSON.parse(document.querySelector("[data-labels]")?.dataset.labels ?? "{}");
const served = new Map(); // what the box last said of each fresh part, before times were made local
let signature = null;
let settling = 0;

for (const part of document.querySelectorAll("[data-fresh]")) served.set(part.dataset.fresh, part.innerHTML);
for (const player of document.querySelectorAll("edged-player")) equip(player);
localTimes();
listenToKeys();
states.start(); // also where there is no camera yet: the first one appears by itself

/** The one dot of a camera; the same rule as the pages follow. */
function dotOf(camera) {
  if (camera.state === "live") {
    if (camera.recording_wanted && !camera.recording && (camera.recording_reason || camera.recording_held)) return "trouble";
    return camera.recording ? "recording" : "live";
  }
  return { starting: "starting", disabled: "off" }[camera.state] ?? "trouble";
}

states.addEventListener("cameras", ({ detail: cameras }) => {
  for (const dot of document.querySelectorAll("[data-tile] .dot")) {
    const camera = cameras.get(dot.closest("[data-tile]").dataset.tile);
    const kind = camera && dotOf(camera);
    if (!kind || dot.dataset.dot === kind) continue;
    dot.dataset.dot = kind;
    dot.title = labels[kind];
    dot.querySelector(".sr").textContent = labels[kind];
  }
  const seen = JSON.stringify(
    [...cameras.values()].map((c) => [c.slug, c.name, c.state, c.recording, c.recording_wanted, c.recording_reason, c.recording_held]),
  );
  if (seen !== signature) {
    signature = seen;
    clearTimeout(settling);
    settling = setTimeout(freshen, SETTLE_MS);
  }
});

// Nobody is told any more what the box does: so nothing may look as if it were known.
states.addEventListener("signed-out", () => {
  clearTimeout(settling);
  for (const part of document.querySelectorAll('[data-fresh="record"], [data-fresh="banners"]')) part.replaceChildren();
  for (const dot of document.querySelectorAll("[data-tile] .dot")) dot.remove();
});

const often = served.has("latest") ? LISTS_MS : TROUBLES_MS;
setInterval(() => document.hidden || states.signedOut || freshen(), often);

/** Fetch this page anew and take over the parts that changed; players keep running. */
async function freshen() {
  if (states.signedOut) return;
  try {
    const response = await fetch(location.href, { cache: "no-store" });
    if (response.redirected && new URL(response.url).pathname === "/login") return states.endSession();
    if (!response.ok) return;
    const text = await response.text();
    if (states.signedOut) return;
    const page = new DOMParser().parseFromString(text, "text/html");
    for (const part of document.querySelectorAll("[data-fresh]")) {
      const now = page.querySelector(`[data-fresh="${part.dataset.fresh}"]`);
      if (!now || now.innerHTML === served.get(part.dataset.fresh)) continue;
      served.set(part.dataset.fresh, now.innerHTML);
      if (part.dataset.fresh === "room" && part.querySelector(".tile") && now.querySelector(".tile")) settleTiles(part, now);
      else part.replaceChildren(...now.childNodes);
      localTimes(part);
    }
  } catch {
    // The box is out of reach; the event stream notices and tells.
  }
}

/** Add and take away tiles without touching those that stay. */
function settleTiles(part, now) {
  const list = part.querySelector(".tiles");
  const wanted = [...now.querySelectorAll(".tile")];
  const slugs = new Set(wanted.map((tile) => tile.dataset.tile));
  for (const tile of [...list.children]) if (!slugs.has(tile.dataset.tile)) tile.remove();
  wanted.forEach((tile, index) => {
    const there = [...list.children].find((other) => other.dataset.tile === tile.dataset.tile);
    if (!there) return list.insertBefore(tile, list.children[index] ?? null);
    there.querySelector(".tile-name").textContent = tile.querySelector(".tile-name").textContent;
  });
}

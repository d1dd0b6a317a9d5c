// The player test page: what this browser can do, and how long each way takes to its first picture.

import "/static/js/player.js";
import { equip } from "/static/js/controls.js";

const list = document.querySelector(".ways");
const started = performance.now();

for (const player of document.querySelectorAll("edged-player")) {
  equip(player);
  player.addEventListener("first-picture", ({ detail }) => {
    const ms = Math.round(performance.now() - started);
    const told = player.closest(".way").querySelector(".way-told");
    told.dataset.ms ??= ms; // of the first start only
    told.dataset.mode = detail.mode;
    const mode = { webrtc: "WebRTC", hls: "HLS" }[detail.mode];
    told.textContent = list.dataset.started.replace("{ms}", told.dataset.ms).replace("{mode}", mode);
  });
}

const video = document.createElement("video");
const sources = globalThis.MediaSource ?? globalThis.ManagedMediaSource;
const can = {
  webrtc: "RTCPeerConnection" in globalThis,
  mse: "MediaSource" in globalThis,
  managed: "ManagedMediaSource" in globalThis,
  native: Boolean(video.canPlayType("application/vnd.apple.mpegurl")),
  h264: Boolean(sources?.isTypeSupported('video/mp4; codecs="avc1.42e01f"')),
  opus: Boolean(sources?.isTypeSupported('audio/mp4; codecs="opus"')),
  wake: "wakeLock" in navigator,
};
const table = document.querySelector("[data-can]");
for (const cell of table?.querySelectorAll("[data-can-do]") ?? []) {
  const able = can[cell.dataset.canDo];
  cell.textContent = able ? table.dataset.yes : table.dataset.no;
}

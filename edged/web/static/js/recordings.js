// Recordings play in their page, one after the other; without script each link opens the clip itself.

import { localTimes, moment } from "/static/js/words.js";

const theatre = document.querySelector(".theatre");
const clips = [...document.querySelectorAll("[data-play]")];

localTimes();
for (const slot of document.querySelectorAll("[data-hour]")) {
  slot.textContent = String(new Date(Number(slot.dataset.hour) * 1000).getHours()).padStart(2, "0");
}

if (theatre && clips.length) {
  const video = theatre.querySelector("video");
  const words = theatre.querySelector(".theatre-words");
  let current = null;

  const choose = (clip) => {
    current?.closest(".clip").removeAttribute("aria-current");
    current = clip;
    clip.closest(".clip").setAttribute("aria-current", "true");
    video.src = clip.href;
    tell();
  };
  const play = (clip) => {
    choose(clip);
    video.play().catch(() => {});
  };
  const tell = () => {
    const start = Number(current.dataset.play);
    words.textContent = moment(new Date((start + (video.currentTime || 0)) * 1000), "second");
  };

  document.addEventListener("click", (event) => {
    const clip = event.target.closest("[data-play]");
    if (!clip || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    event.preventDefault();
    play(clip);
    theatre.scrollIntoView({ block: "nearest" });
  });
  choose(clips[0]);
  video.addEventListener("timeupdate", () => current && tell());
  video.addEventListener("error", () => (words.textContent = words.dataset.broken));
  video.addEventListener("ended", () => {
    const later = clips[clips.indexOf(current) - 1]; // newest first
    if (later) play(later);
  });
}

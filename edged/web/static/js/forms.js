// Small comforts of forms; each form works without them.

import { localTimes } from "/static/js/words.js";

for (const button of document.querySelectorAll(".reveal")) {
  const input = document.getElementById(button.getAttribute("aria-controls"));
  button.hidden = false;
  button.addEventListener("click", () => {
    const show = input.type === "password";
    input.type = show ? "text" : "password";
    input.classList.toggle("revealed", show);
    button.setAttribute("aria-pressed", String(show));
    const words = show ? button.dataset.hide : button.dataset.show;
    button.title = words;
    button.querySelector(".sr").textContent = words;
    input.focus();
  });
}

for (const form of document.querySelectorAll("form[data-busy]")) {
  const submit = form.querySelector("[type=submit]");
  const words = submit.textContent;
  form.addEventListener("submit", () => {
    for (const input of form.querySelectorAll(".revealed")) input.type = "password"; // so that browsers offer to keep it
    // After the values have been collected: a disabled button would stop the submit.
    setTimeout(() => ((submit.disabled = true), (submit.textContent = form.dataset.busy)));
  });
  addEventListener("pageshow", () => ((submit.disabled = false), (submit.textContent = words)));
}

document.querySelector("[aria-invalid]")?.focus();

// What is told once is copied or sent from the page.
for (const button of document.querySelectorAll("[data-copy]")) {
  const words = button.querySelector("span");
  const before = words.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    const source = document.getElementById(button.dataset.copy);
    if (!(await copied(source))) return;
    words.textContent = button.dataset.copied;
    setTimeout(() => (words.textContent = before), 2000);
  });
}

for (const button of document.querySelectorAll("[data-send]")) {
  if (!navigator.share) continue; // only where the connection is trusted
  button.hidden = false;
  button.addEventListener("click", () => {
    navigator.share({ url: document.getElementById(button.dataset.send).textContent }).catch(() => {});
  });
}

/** On plain HTTP browsers keep the clipboard to themselves: then the words are selected and copied the old way. */
async function copied(source) {
  try {
    await navigator.clipboard.writeText(source.textContent);
    return true;
  } catch {
    const range = document.createRange();
    range.selectNodeContents(source);
    getSelection().removeAllRanges();
    getSelection().addRange(range);
    return document.execCommand("copy");
  }
}

// A date is meant in the zone of whoever chooses it.
for (const offset of document.querySelectorAll("[data-offset-of]")) {
  const date = document.getElementById(offset.dataset.offsetOf);
  document.querySelector("[data-zone]").hidden = true;
  offset.form.addEventListener("submit", () => {
    const chosen = new Date(date.value);
    offset.value = Number.isNaN(chosen.valueOf()) ? "" : String(chosen.getTimezoneOffset());
  });
}

localTimes();

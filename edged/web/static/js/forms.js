// Small comforts of forms; each form works without them.

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

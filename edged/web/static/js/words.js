// Words of the catalogue, and moments in the viewer's own zone.

const holder = document.querySelector("[data-words]");
const table = holder ? JSON.parse(holder.dataset.words) : {};

/** The words of `key`, with `{name}` filled from `values`. */
export function say(key, values = {}) {
  return (table[key] ?? "").replace(/\{(\w+)\}/g, (_, name) => values[name] ?? "");
}

const shapes = {
  time: { hour: "2-digit", minute: "2-digit" },
  second: { hour: "2-digit", minute: "2-digit", second: "2-digit" },
  day: { weekday: "short", day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" },
};

/** A moment in the viewer's zone; `since` names the day too when it is not today. */
export function moment(date, style = "time") {
  const today = date.toDateString() === new Date().toDateString();
  const shape = style === "since" ? (today ? "time" : "day") : style;
  return date.toLocaleString(undefined, shapes[shape] ?? shapes.time);
}

/** Turn every `<time data-local>` under `root` to the viewer's zone; the exact UTC stays in its title. */
export function localTimes(root = document) {
  for (const time of root.querySelectorAll("time[data-local]")) {
    const date = new Date(time.dateTime);
    if (!Number.isNaN(date.valueOf())) time.textContent = moment(date, time.dataset.local);
  }
}

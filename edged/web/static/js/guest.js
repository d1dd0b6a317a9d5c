// A guest's page: the one picture, its buttons, and the recordings below it. When the link ends, all of it ends.

import "/static/js/player.js";
import "/static/js/still.js";
import "/static/js/recordings.js";
import { equip, listenToKeys } from "/static/js/controls.js";
import { states } from "/static/js/states.js";

for (const player of document.querySelectorAll("edged-player")) equip(player);
listenToKeys();
states.addEventListener("signed-out", () => {
  document.querySelector(".guest-under")?.remove();
  for (const bar of document.querySelectorAll(".player-controls")) bar.hidden = true;
});

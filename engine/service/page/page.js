/** The page: what belongs to which button and key. */

import { chooseFiles, isSending, listenToFiles } from "./adding.js";
import { ask } from "./requests.js";
import { compare, endCompare, goToWorst } from "./comparing.js";
import { add, addPrompt, agree, otherObject, redo, toggleHidden, toggleLock, undo } from "./editing.js";
import { byId, make } from "./elements.js";
import { listImages, openImage } from "./images.js";
import { listenToKeys } from "./keys.js";
import { addSlice, begin as beginPropagating, propagate } from "./propagating.js";
import { download, rescue, save } from "./saving.js";
import { whenBroken } from "./session.js";
import { at, inTurn, picture, state, strip } from "./stage.js";

function moved(voxel) {
  const names = picture.axes.isPlane ? ["y", "x"] : ["z", "y", "x"];
  byId("place").textContent = picture.axes.toServer(voxel).map((part, i) => `${names[i]} ${part}`).join(" · ");
  strip.mark(voxel);
}

function choose(name, value) {
  document.querySelector(`input[name=${name}][value=${value}]`).checked = true;
  picture.tool = document.querySelector("input[name=tool]:checked").value;
  picture.inside = document.querySelector("input[name=sign]:checked").value === "inside";
}

function wire() {
  for (const input of document.querySelectorAll("input[name=tool], input[name=sign]")) {
    input.addEventListener("change", () => choose(input.name, input.value));
  }
  const clicks = { undo, redo, add, download, "this-slice": addSlice, "end-compare": endCompare, worst: goToWorst };
  Object.assign(clicks, { choose: chooseFiles, "ended-rescue": rescue });
  for (const [id, act] of Object.entries(clicks)) byId(id).addEventListener("click", act);
  for (const [id, act] of Object.entries({ propagate, save, compare })) {
    byId(id).addEventListener("submit", (event) => {
      event.preventDefault();
      act();
    });
  }
  byId("axis").addEventListener("change", beginPropagating);
  Object.assign(picture, { addPrompt, moved });
  whenBroken({ agree, reopen: (image) => inTurn("Opening", () => openImage(image)) });
  listenToFiles();
  const flip = () => choose("sign", picture.inside ? "outside" : "inside");
  const tool = (name) => () => choose("tool", name);
  listenToKeys(() => Boolean(state.session), picture, {
    always: { a: chooseFiles },
    letters: {
      c: tool("point"), b: tool("box"), s: tool("scribble"), v: tool("move"), x: flip, z: undo, y: redo, n: add,
      l: toggleLock, h: toggleHidden, d: goToWorst, g: addSlice, p: propagate, "[": () => otherObject(-1), "]": () => otherObject(1),
    },
    withControl: { z: undo, y: redo, s: save },
    withControlAndShift: { z: redo },
  });
  window.addEventListener("beforeunload", (event) => (state.isSaved && !isSending()) || event.preventDefault());
  window.addEventListener("pagehide", () => {
    if (state.session) ask("DELETE", at(""), undefined, { keepalive: true }).catch(() => {});
  });
}

function sayWhatIsMissing(text, command) {
  byId("hint").replaceChildren(text, ...(command ? [make("code", {}, command)] : []));
}

async function begin() {
  if (!globalThis.niivue) {
    sayWhatIsMissing("What shows images is missing. Run this, and reload the page:", "python scripts/fetch_assets.py");
    return;
  }
  try {
    await picture.start();
  } catch {
    sayWhatIsMissing("This browser offers no WebGL 2, without which no image can be shown. Use another one.");
    return;
  }
  wire();
  await inTurn("Looking for images", async () => {
    await listImages();
    return "";
  });
}

begin();

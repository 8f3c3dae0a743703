/** The images of the data folder, and opening one. */

import { ask, askJson } from "./asking.js";
import { Labels } from "./axes.js";
import { endCompare, offerTags } from "./comparing.js";
import { takeObjects } from "./editing.js";
import { byId, make } from "./elements.js";
import { offerAxes } from "./propagating.js";
import { at, inTurn, picture, state } from "./stage.js";

/** Show what there is now. */
export async function listImages() {
  const { objects } = await askJson("GET", "datastore/");
  state.images = objects;
  const entries = Object.entries(objects);
  byId("images").replaceChildren(
    ...entries.map(([id, { image, labels }]) => {
      const tags = Object.keys(labels);
      const open = make("button", { type: "button", onclick: () => inTurn("Opening", () => openImage(id)) }, image.info.name);
      open.append(make("small", {}, tags.length ? `labels: ${tags.join(", ")}` : "no label yet"));
      if (id === state.image) open.setAttribute("aria-current", "true");
      return make("li", {}, open);
    }),
  );
  if (!entries.length) byId("images").replaceChildren(make("li", { class: "soft" }, "The data folder holds no image."));
  offerTags();
}

async function openImage(image) {
  if (!state.isSaved && !confirm("What you did is not saved. Open another image all the same?")) return "";
  await letGo();
  const begun = await askJson("POST", "api/v1/sessions", { image });
  Object.assign(state, { image, session: begun.session, isSaved: true });
  await picture.open(await (await ask("GET", at("/image.nii"))).arrayBuffer(), begun.shape);
  state.labels = new Labels(picture.axes);
  byId("image-name").textContent = state.images[image].image.info.name;
  byId("hint").hidden = true;
  document.body.classList.add("open");
  offerAxes(begun.spacing_mm);
  endCompare();
  takeObjects(begun);
  await listImages();
  byId("picture").focus();
  return "Click on what you want to outline";
}

async function letGo() {
  const { session } = state;
  state.session = null;
  if (session) await ask("DELETE", `api/v1/sessions/${session}`).catch(() => {});
}

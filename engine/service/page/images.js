/** The images of the data folder, and opening one. */

import { ask, askJson, Problem, whole } from "./requests.js";
import { Labels, NIFTI_HEADER } from "./axes.js";
import { endCompare, offerTags } from "./comparing.js";
import { takeObjects } from "./editing.js";
import { byId, make } from "./elements.js";
import { offerFormats } from "./formats.js";
import { offerAxes } from "./propagating.js";
import { inTurn, picture, setUsable, state } from "./stage.js";

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
  if (!entries.length) byId("images").replaceChildren(make("li", { class: "soft" }, "There is no image yet."));
  offerTags();
}

/** Open an image; the one that is open stays until this one has come. */
export async function openImage(image) {
  if (!state.isSaved && !confirm("What you did is not saved. Open another image all the same?")) return "";
  const begun = await begin(image);
  const file = await fileOf(begun);
  const before = state.session;
  Object.assign(state, { image, session: begun.session, isSaved: true, isUnsure: false });
  release(before);
  await show(file, begun.shape);
  state.header = file.slice(0, NIFTI_HEADER);
  state.labels = new Labels(picture.axes);
  byId("image-name").textContent = state.images[image].image.info.name;
  offerAxes(begun.spacing_mm);
  offerFormats(begun.formats ?? ["nifti"]);
  setUsable(true);
  endCompare();
  takeObjects(begun);
  await listImages();
  byId("picture").focus();
  return state.mayEdit ? "Click on what you want to outline" : "";
}

async function begin(image) {
  try {
    return await askJson("POST", "api/v1/sessions", { image });
  } catch (error) {
    if (error.status !== 503 || !state.session) throw error;
    const before = state.session; // there is no room beside it
    Object.assign(state, { session: null, isSaved: true });
    document.body.classList.remove("open");
    await release(before);
    return askJson("POST", "api/v1/sessions", { image });
  }
}

async function fileOf({ session, shape }) {
  try {
    const longest = Math.max(...shape);
    if (longest > picture.longestAxis) {
      throw new Problem(0, `this browser shows at most ${picture.longestAxis} voxels along an axis, the image has ${longest}`);
    }
    const found = await ask("GET", `api/v1/sessions/${session}/image.nii`);
    return await whole(found.arrayBuffer());
  } catch (error) {
    release(session);
    throw error;
  }
}

async function show(file, shape) {
  document.body.classList.add("open");
  byId("hint").hidden = true;
  try {
    await picture.open(file, shape);
  } catch (error) {
    document.body.classList.remove("open");
    release(state.session);
    state.session = null;
    throw new Problem(0, `this browser cannot show the image (${error.message}); use another one, or a smaller image`);
  }
}

const release = (session) => session && ask("DELETE", `api/v1/sessions/${session}`).catch(() => {});

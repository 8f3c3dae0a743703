/** Prompts and changes of objects, and their answers. */

import { ask, askJson, whole } from "./requests.js";
import { niftiValues } from "./axes.js";
import { byId } from "./elements.js";
import { colorOf, showObjects } from "./objects.js";
import { inSession } from "./session.js";
import { at, picture, state, strip, tell } from "./stage.js";

export function addPrompt(prompt) {
  inSession("Outlining", async () => take(await askJson("POST", at("/prompts"), { object: state.active, ...prompt })));
}

export function take(answer) {
  for (const each of answer.changed) state.labels.apply(each);
  if (answer.changed.some((each) => each.box)) {
    state.isSaved = false;
    picture.refresh();
    return answer.cut ? "The mask is cut here: click beyond its border to go on" : undefined;
  }
  return answer.ran ? "That changes nothing" : "There is nothing more";
}

export const undo = () =>
  inSession("Undoing", async () => {
    const answer = await askJson("POST", at("/undo"));
    strip.clear(); // it may be the propagation that is undone
    return take(answer);
  });
export const redo = () => inSession("Doing again", async () => take(await askJson("POST", at("/redo"))));

export function takeObjects({ objects, active }) {
  Object.assign(state, { objects, active });
  showObjects(byId("objects"), { objects, active }, change);
  picture.show(state.labels, objects.map(({ number }) => colorOf(number)));
}

/** Take over what the session holds, after an answer that was lost. */
export async function agree() {
  const described = await askJson("PATCH", at(`/objects/${state.active}`), {}); // changes nothing
  const packed = (await whole((await ask("GET", at("/label.nii.gz"))).blob())).stream();
  const label = await new Response(packed.pipeThrough(new DecompressionStream("gzip"))).arrayBuffer();
  state.labels.fill(niftiValues(label));
  takeObjects(described);
}

export const add = () =>
  inSession("Adding", async () => {
    takeObjects(await askJson("POST", at("/objects"), { name: `object ${state.objects.length + 1}` }));
    return "A new object: click on it";
  });

export function change(number, fields) {
  inSession("Changing", async () => {
    takeObjects(await askJson("PATCH", at(`/objects/${number}`), fields));
    if (fields.name) state.isSaved = false;
    if (fields.active) strip.clear(); // it tells of the other object
    return "";
  });
}

export function otherObject(by) {
  const next = ((state.active - 1 + by + state.objects.length) % state.objects.length) + 1;
  change(next, { active: true });
}

export function toggleHidden() {
  state.isHidden = !state.isHidden;
  if (!state.compared) picture.hide(state.isHidden);
  tell(state.isHidden ? "Masks are hidden; H shows them" : "");
}

export function toggleLock() {
  change(state.active, { locked: !state.objects[state.active - 1].locked });
}

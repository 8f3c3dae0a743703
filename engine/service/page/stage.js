/** What the parts of the page share: the session, the picture, and one act after another. */

import { byId } from "./elements.js";
import { Picture } from "./picture.js";
import { Strip } from "./strip.js";

export const state = {
  images: {},
  image: null,
  session: null,
  labels: null,
  objects: [],
  active: 1,
  compared: null,
  isSaved: true,
  isHidden: false,
};
export const picture = new Picture(byId("view"), byId("picture"), byId("sketch"));
export const strip = new Strip(byId("strip"), goToSlice);

/** Return an address of the session. */
export const at = (path) => `api/v1/sessions/${state.session}${path}`;

let line = Promise.resolve();

/** Do one thing after another; say what came of it (what work returns, or how long it took), or what went wrong. */
export function inTurn(what, work) {
  line = line.then(async () => {
    tell(`${what} …`);
    document.body.setAttribute("aria-busy", "true");
    const begun = performance.now();
    try {
      const told = await work();
      tell(told ?? `${what}: done in ${Math.round(performance.now() - begun)} ms`);
    } catch (error) {
      tell(error.message, true);
    }
    document.body.removeAttribute("aria-busy");
  });
  return line;
}

/** Say something where the user and the screen reader find it. */
export function tell(text, isAlarm = false) {
  byId("status").textContent = text;
  byId("status").classList.toggle("alarm", isAlarm);
}

function goToSlice(axis, slice) {
  const voxel = picture.crosshair();
  voxel[axis] = slice;
  picture.goTo(voxel);
}

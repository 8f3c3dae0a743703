/** What the parts of the page share: the session, the picture, and one act after another. */

import { byId } from "./elements.js";
import { Picture } from "./picture.js";
import { Strip } from "./strip.js";

export const state = {
  images: {},
  image: null,
  session: null,
  header: null,
  labels: null,
  objects: [],
  active: 1,
  compared: null,
  isSaved: true,
  isUnsure: false,
  isHidden: false,
  mayEdit: true,
};
export const picture = new Picture(byId("view"), byId("picture"), byId("sketch"));
export const strip = new Strip(byId("strip"), goToSlice);

/** Return an address of the session. */
export const at = (path) => `api/v1/sessions/${state.session}${path}`;

let line = Promise.resolve();

let ended = () => {};

/** Say what is done when a session is found to have ended. */
export function onEnd(act) {
  ended = act;
}

/**
 * Do one thing after another; show its result (the text that work returns, or how long it took), or what went wrong.
 * What is not to be done any more when its turn comes is left out.
 */
export function inTurn(what, work, isStill = () => true) {
  line = line.then(async () => {
    if (!isStill()) return;
    tell(`${what} …`);
    document.body.setAttribute("aria-busy", "true");
    const begun = performance.now();
    try {
      const message = await work();
      tell(message ?? `${what}: done in ${Math.round(performance.now() - begun)} ms`);
    } catch (error) {
      tell(error.message, true);
      if (error.status === 410) ended(error);
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

/** Let what needs an open image be used, or only seen. */
export function setUsable(isUsable) {
  for (const part of document.querySelectorAll(".needs-image")) part.inert = !isUsable;
}

function goToSlice(axis, slice) {
  const voxel = picture.crosshair();
  voxel[axis] = slice;
  picture.goTo(voxel);
}

/** Requests in a session that may have ended, of a server that may not answer, with a token that may only look. */

import { byId } from "./elements.js";
import { inTurn, onEnd, picture, setUsable, state, tell } from "./stage.js";

const LOOKING = "Your token may look and compare, but not edit";

let agree = async () => {};
let reopen = () => {};

/** Set how the page agrees with its session again, and how its image is opened again. */
export function whenBroken(ways) {
  ({ agree, reopen } = ways);
}

/** Do something in the present session; work that comes too late for it is left out. */
export function inSession(what, work) {
  const { session, mayEdit } = state;
  if (!session || !mayEdit) return;
  if (state.compared) {
    tell("Go back to editing first", true);
    return;
  }
  const isStill = () => state.session === session && state.mayEdit;
  inTurn(what, () => attempt(work), isStill);
}

async function attempt(work) {
  try {
    if (state.isUnsure) await agree();
    state.isUnsure = false;
    return await work();
  } catch (error) {
    const isRefused = error.status >= 400 && error.status < 500;
    if (!isRefused) Object.assign(state, { isUnsure: true, isSaved: false }); // it may be done, and its answer lost
    if (error.status !== 403) throw error;
    onlyLook();
    return LOOKING;
  }
}

function onlyLook() {
  state.mayEdit = false;
  document.body.classList.add("looking");
  picture.tool = "move";
}

onEnd((error) => {
  if (!state.session) return;
  const drawn = new Set(state.labels?.values);
  const names = state.objects.filter(({ number }) => drawn.has(number)).map(({ name }) => name);
  const lost = state.isSaved || !names.length ? "" : `Not saved: ${names.join(", ")}.`;
  Object.assign(state, { session: null, isSaved: true, isUnsure: false });
  setUsable(false);
  tell("The session has ended", true);
  byId("ended-why").textContent = `Why: ${error.message.replace(/^the session has ended: /, "").replace(/; claim .*/, "")}.`;
  byId("ended-lost").textContent = lost || "Nothing is lost: all that was drawn is saved.";
  byId("ended-rescue").hidden = !lost;
  const dialog = byId("ended");
  const answered = () => dialog.returnValue === "again" && reopen(state.image);
  dialog.returnValue = "";
  dialog.addEventListener("close", answered, { once: true });
  dialog.showModal();
});

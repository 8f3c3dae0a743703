/** An object carried from the slices that are right to the others. */

import { askJson } from "./requests.js";
import { take } from "./editing.js";
import { byId, make } from "./elements.js";
import { inSession } from "./session.js";
import { at, picture, state, strip, tell } from "./stage.js";

const PLANES = ["sagittal", "coronal", "axial"];

/** Offer the axes of an image that was opened. */
export function offerAxes(spacing) {
  const { axes } = picture;
  const own = axes.isPlane ? [] : [0, 1, 2];
  byId("axis").replaceChildren(
    ...own.map((axis) =>
      make("option", { value: axis }, `${PLANES[axes.shownAxis(axis)]}, ${axes.shape[axis]} × ${spacing[axis].toFixed(1)} mm`),
    ),
  );
  byId("propagate").hidden = axes.isPlane;
  begin();
}

function offerRange() {
  const count = picture.axes.shape[Number(byId("axis").value)];
  byId("from").value = 0;
  byId("to").value = count - 1;
  byId("from").max = byId("to").max = count - 1;
}

/** Forget what was asked along another axis. */
export function begin() {
  strip.clear();
  byId("given").value = "";
  if (!picture.axes.isPlane) offerRange();
}

export function propagate() {
  const [axis, first, last] = ["axis", "from", "to"].map((id) => Number(byId(id).value));
  const given = slicesGiven();
  if (!given.length) {
    tell("Say which slices are right: go to one, and press G", true);
    return;
  }
  if (!picture.axes.isPlane && !byId("propagate").reportValidity()) return;
  inSession("Propagating", async () => {
    const asked = { object: state.active, axis, given, from: first, to: last + 1 };
    const answer = await askJson("POST", at("/propagate"), asked);
    const message = take(answer);
    strip.show(answer.confidence, axis, given);
    strip.mark(picture.crosshair());
    return message;
  });
}

function slicesGiven() {
  return [...new Set((byId("given").value.match(/\d+/g) ?? []).map(Number))].sort((a, b) => a - b);
}

export function addSlice() {
  const slice = picture.crosshair()[Number(byId("axis").value)];
  byId("given").value = [...new Set([...slicesGiven(), slice])].sort((a, b) => a - b).join(", ");
}

/** Two labels of the image: their outlines, and the numbers. */

import { compareTags, metricsTable } from "./compare.js";
import { byId, make } from "./elements.js";
import { inTurn, picture, state, tell } from "./stage.js";
import { largestDisagreement } from "./worst.js";

const REFERENCE = "#37b1f5";
const PREDICTION = "#ff9d2e";

export function offerTags() {
  const tags = Object.keys(state.images[state.image]?.labels ?? {});
  for (const [i, id] of ["reference", "prediction"].entries()) {
    const before = byId(id).value;
    byId(id).replaceChildren(...tags.map((tag) => make("option", { value: tag }, tag)));
    byId(id).value = tags.includes(before) ? before : (tags[i] ?? tags[0] ?? "");
  }
  if (byId("prediction").value === byId("reference").value) {
    byId("prediction").value = tags.find((tag) => tag !== byId("reference").value) ?? tags[0] ?? "";
  }
  byId("show-compare").disabled = !tags.length;
}

export function compare() {
  inTurn("Comparing", async () => {
    const tags = [byId("reference").value, byId("prediction").value];
    const { numbers, labels } = await compareTags(state.image, state.session, picture.axes, tags);
    const known = state.images[state.image].labels[tags[0]]?.info?.label_info;
    const names = Object.fromEntries((Array.isArray(known) ? known : []).filter(Boolean).map(({ name, idx }) => [idx, name]));
    byId("metrics").replaceChildren(...metricsTable(numbers, names));
    state.compared = labels;
    showComparing(true);
    picture.hide(true);
    picture.outline([
      { labels: labels[0], color: REFERENCE },
      { labels: labels[1], color: PREDICTION },
    ]);
    return `Outlines of ${tags[0]} and ${tags[1]}`;
  });
}

export function endCompare() {
  state.compared = null;
  picture.outline([]);
  picture.hide(state.isHidden);
  byId("metrics").replaceChildren();
  showComparing(false);
}

function showComparing(isOn) {
  document.body.classList.toggle("comparing", isOn);
  byId("end-compare").hidden = byId("worst").hidden = !isOn;
  byId("tools").inert = byId("objects-part").inert = isOn; // what they change is not shown now
}

export function goToWorst() {
  if (!state.compared) return;
  const axis = picture.axes.isPlane ? 0 : Number(byId("axis").value);
  const worst = largestDisagreement(state.compared, axis);
  if (!worst) {
    tell("They agree everywhere");
    return;
  }
  picture.goTo(worst.voxel);
  tell(`This piece has ${worst.count} of the ${worst.total} voxels that differ`);
}

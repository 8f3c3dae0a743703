/** What was drawn, kept on the server or in a file. */

import { ask, askJson } from "./asking.js";
import { byId, make } from "./elements.js";
import { listImages } from "./images.js";
import { at, inTurn, state } from "./stage.js";

export function save() {
  if (!byId("save").reportValidity()) return;
  inTurn("Saving", async () => {
    const { tag } = await askJson("POST", at("/save"), { tag: byId("tag").value });
    state.isSaved = true;
    await listImages();
    return `Saved as ${tag}`;
  });
}

export const download = () =>
  inTurn("Downloading", async () => {
    const file = await (await ask("GET", at("/label.nii.gz"))).blob();
    const link = make("a", { href: URL.createObjectURL(file), download: `${state.image}.nii.gz` });
    link.click();
    URL.revokeObjectURL(link.href);
    return "";
  });

/** What was drawn, kept on the server or in a file. */

import { ask, askJson, whole } from "./requests.js";
import { niftiOf } from "./axes.js";
import { byId, make } from "./elements.js";
import { listImages } from "./images.js";
import { inSession } from "./session.js";
import { at, state } from "./stage.js";

const FILES = { nifti: "label.nii.gz", "dicom-seg": "label.seg.dcm" };

export function save() {
  if (!byId("save").reportValidity()) return;
  inSession("Saving", async () => {
    const asked = { tag: byId("tag").value };
    if (byId("format").value !== "nifti") asked.format = byId("format").value;
    const { tag } = await askJson("POST", at("/save"), asked);
    state.isSaved = true;
    await listImages();
    return `Saved as ${tag}`;
  });
}

export function download() {
  inSession("Downloading", async () => {
    const name = FILES[byId("format").value];
    keep(await whole((await ask("GET", at(`/${name}`))).blob()), `${state.image}${name.slice("label".length)}`);
    return "";
  });
}

/** Save the shown labels as a file, where there is no session any more that could. */
export function rescue() {
  keep(new Blob([niftiOf(state.header, state.labels)]), `${state.image}.nii`);
}

function keep(file, name) {
  const link = make("a", { href: URL.createObjectURL(file), download: name });
  link.click();
  URL.revokeObjectURL(link.href);
}

/** Images that are added: dropped on the page, or chosen. */

import { askJson, sendFile } from "./requests.js";
import { byId } from "./elements.js";
import { listImages, openImage } from "./images.js";
import { inTurn, tell } from "./stage.js";

const SERIES = "A DICOM series cannot be sent from here: put its folder into the data folder, or convert it to NIfTI";

let line = Promise.resolve();
let waiting = 0;
let stopping = new AbortController();

/** Whether something is being sent. */
export const isSending = () => waiting > 0;

/** Listen to what is dropped and chosen. */
export function listenToFiles() {
  const input = byId("file");
  input.addEventListener("change", () => {
    addFiles([...input.files]);
    input.value = ""; // the same file can be chosen again
  });
  offerKnownFiles(input).catch(() => {}); // without an answer all files can be chosen, and the server says which it reads
  byId("stop").addEventListener("click", () => {
    stopping.abort();
    stopping = new AbortController();
  });
  const shown = (isShown) => (byId("drop").hidden = !isShown);
  const over = (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.dataTransfer.dropEffect = "copy";
    shown(true);
  };
  window.addEventListener("dragenter", over);
  window.addEventListener("dragover", over);
  window.addEventListener("dragleave", (event) => event.relatedTarget || shown(false));
  window.addEventListener("drop", (event) => {
    shown(false);
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    const { items, files } = event.dataTransfer;
    if ([...items].some((item) => item.webkitGetAsEntry?.()?.isDirectory)) tell(SERIES, true);
    else addFiles([...files]);
  });
}

/** Offer the files that the server reads; of an ending like .nii.gz browsers compare the last part alone. */
async function offerKnownFiles(input) {
  const suffixes = await askJson("GET", "page/upload-suffixes.json");
  input.accept = suffixes.map((suffix) => suffix.slice(suffix.lastIndexOf("."))).join(",");
}

/** Let the user choose files. */
export const chooseFiles = () => byId("file").click();

function addFiles(files) {
  if (!files.length) return;
  if (files.filter(({ name }) => /\.dcm$/i.test(name)).length > 1) {
    tell(SERIES, true);
    return;
  }
  waiting += 1;
  line = line.then(() => sendAll(files, stopping.signal)).finally(() => (waiting -= 1));
}

/** Send files while everything else goes on, then open the first. */
async function sendAll(files, signal) {
  const added = [];
  const refused = [];
  byId("sending").hidden = false;
  for (const file of files) {
    try {
      added.push((await sendFile("datastore/", file, showSent(file.name), signal)).image);
    } catch (error) {
      refused.push(`${file.name}: ${error.status === 403 ? "your token may not add images" : error.message}`);
    }
  }
  byId("sending").hidden = true;
  await inTurn("Opening", async () => {
    let message = "";
    if (added.length) {
      await listImages();
      message = await openImage(added[0]).catch((error) => void refused.push(error.message));
    }
    if (refused.length) throw new Error(refused.join("; "));
    return message;
  });
}

function showSent(name) {
  const show = (part) => {
    byId("sent").value = part;
    byId("sending-what").textContent = part < 1 ? `Sending ${name}` : `${name} is being read`;
  };
  show(0);
  return show;
}

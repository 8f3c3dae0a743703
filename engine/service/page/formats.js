/** The form in which what was drawn is saved. */

import { byId } from "./elements.js";

const WHY = "A DICOM SEG needs an image that is a DICOM series, and highdicom on the server";

/** Offer the forms that the open image allows. */
export function offerFormats(formats) {
  const choice = byId("format");
  const isOne = formats.length < 2;
  if (!formats.includes(choice.value)) choice.value = "nifti";
  choice.disabled = isOne;
  choice.title = isOne ? WHY : "";
}

/** Two stored labels of the image: the table of their agreement, and where they differ most. */

import { ask, askJson } from "./requests.js";
import { Labels, niftiValues } from "./axes.js";
import { make } from "./elements.js";

const ROWS = [
  ["dice", "Dice", 3],
  ["iou", "IoU", 3],
  ["sensitivity", "Sensitivity", 3],
  ["precision", "Precision", 3],
  ["hd95", "HD95, mm", 2],
  ["hd", "Hausdorff, mm", 2],
  ["assd", "Mean surface, mm", 2],
  ["nsd", "Surface Dice, 2 mm", 3],
  ["volume_difference_ml", "Volume difference, ml", 3],
];

/** Return the numbers of two tags, and both labels. */
export async function compareTags(image, session, axes, tags) {
  const [reference, prediction] = tags.map((tag) => ({ image, tag }));
  const numbers = askJson("POST", "api/v1/compare", { reference, prediction });
  const labels = await Promise.all(tags.map((tag) => storedLabels(session, axes, tag)));
  return { numbers: await numbers, labels };
}

async function storedLabels(session, axes, tag) {
  const found = await ask("GET", `api/v1/sessions/${session}/labels/${encodeURIComponent(tag)}`);
  const stored = niftiValues(await found.arrayBuffer());
  const labels = new Labels(axes, stored.constructor);
  labels.fill(stored);
  return labels;
}

/** Return the table of a comparison, a part for each label. names: of the objects, by number. */
export function metricsTable({ labels }, names) {
  const parts = Object.entries(labels).map(([label, values]) => {
    const rows = ROWS.filter(([name]) => name in values).map(([name, title, digits]) =>
      make("tr", {}, make("th", { scope: "row" }, title), make("td", {}, shown(values[name], digits))),
    );
    const name = names[label] ? `${names[label]} (${label})` : `Label ${label}`;
    return make("table", {}, make("caption", {}, name), make("tbody", {}, ...rows));
  });
  return parts.length ? parts : [make("p", { class: "soft" }, "Both are empty.")];
}

function shown(value, digits) {
  if (value === null) return "undefined";
  if (typeof value === "string") return { inf: "∞", "-inf": "−∞", nan: "undefined" }[value] ?? value;
  return value.toFixed(digits);
}

/** The list of objects: names, colours, locked or open, and which one is active. */

import { make } from "./elements.js";

// Told apart also by people who see fewer colours (Okabe and Ito, lightened for a black ground).
const COLORS = [
  [86, 180, 233],
  [230, 159, 0],
  [0, 190, 140],
  [240, 228, 66],
  [204, 121, 167],
  [232, 110, 40],
  [120, 140, 255],
  [190, 190, 190],
];

/** Return red, green, blue of an object's number. */
export const colorOf = (number) => COLORS[(number - 1) % COLORS.length];

/** Show objects; change is called with a number and what is to be changed. */
export function showObjects(list, { objects, active }, change) {
  const focused = list.contains(document.activeElement) ? document.activeElement.id : "";
  list.replaceChildren(
    ...objects.map(({ number, name, locked }) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = `rgb(${colorOf(number)})`;
      const pick = make("input", {
        type: "radio",
        id: `pick-${number}`,
        name: "object",
        "aria-label": `Edit ${name}`,
        checked: number === active,
        onchange: () => change(number, { active: true }),
      });
      const rename = make("input", {
        id: `name-${number}`,
        value: name,
        title: name,
        maxlength: 64,
        "aria-label": `Name of object ${number}`,
        onchange: (event) => event.target.value.trim() && change(number, { name: event.target.value.trim() }),
      });
      const lock = make(
        "button",
        {
          type: "button",
          id: `lock-${number}`,
          "aria-pressed": String(locked),
          "aria-label": `Lock ${name}`,
          title: locked ? "No edit changes it" : "Edits of other objects may take its voxels",
          onclick: () => change(number, { locked: !locked }),
        },
        locked ? "Locked" : "Open",
      );
      return make(
        "li",
        { class: number === active ? "active" : "" },
        make("label", { class: "pick" }, pick, swatch),
        rename,
        lock,
      );
    }),
  );
  if (focused) document.getElementById(focused)?.focus();
}

/** How far each slice of a propagation can be trusted: a bar a slice; a click goes there. */

import { make } from "./elements.js";

const LOW = 0.8;

export class Strip {
  constructor(element, go) {
    this.element = element;
    this.go = go;
    this.axis = null;
    element.addEventListener("keydown", (event) => this.#key(event));
  }

  /** Show confidences along a stored axis; given: the slices that were right. */
  show(confidence, axis, given) {
    this.axis = axis;
    const bars = confidence.map((value, slice) => {
      const isGiven = given.includes(slice);
      const text = isGiven ? "given" : value ? `confidence ${value.toFixed(2)}` : "not filled";
      const kind = isGiven ? "given" : value < LOW ? "low" : "";
      const label = `Slice ${slice}: ${text}`;
      const bar = make("button", { type: "button", class: kind, tabindex: -1, "aria-label": label, title: label });
      bar.style.setProperty("--value", value);
      bar.addEventListener("click", () => this.go(axis, slice));
      return bar;
    });
    this.element.replaceChildren(...bars);
    this.element.hidden = false;
  }

  /** Show nothing. */
  clear() {
    this.axis = null;
    this.element.replaceChildren();
    this.element.hidden = true;
  }

  /** Mark the slice in which a stored voxel lies. */
  mark(voxel) {
    if (this.axis === null) return;
    for (const [slice, bar] of [...this.element.children].entries()) {
      const isHere = slice === voxel[this.axis];
      bar.tabIndex = isHere ? 0 : -1;
      if (isHere) bar.setAttribute("aria-current", "true");
      else bar.removeAttribute("aria-current");
    }
  }

  #key(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    const next = by === 1 ? event.target.nextElementSibling : by === -1 ? event.target.previousElementSibling : null;
    if (!next) return;
    event.preventDefault();
    event.stopPropagation();
    next.click();
    next.focus();
  }
}

/** Keys: letters anywhere but where text is written; arrows and Enter in the picture. */

const STEPS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

/** Call what belongs to a key while isOn says so; some at any time. */
export function listenToKeys(isOn, picture, { always, letters, withControl, withControlAndShift }) {
  const act = (event) => {
    const isPicture = event.target === picture.canvas;
    if (isPicture) event.stopImmediatePropagation(); // NiiVue has keys of its own
    if (event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const found = isOn() && isPicture && pictureKey(event, picture) ? null : action(event, key);
    if (found === undefined) return;
    event.preventDefault();
    found?.();
  };

  const action = (event, key) => {
    const isText = event.target.matches("input:not([type=radio])") && key !== "s"; // which has an undo of its own
    if (event.ctrlKey || event.metaKey) return isOn() && !isText ? (event.shiftKey ? withControlAndShift : withControl)[key] : undefined;
    const isWriting = event.target.matches("select, textarea, input:not([type=radio])");
    if (isWriting) return undefined;
    return always[key] ?? (isOn() ? letters[key] : undefined);
  };

  document.addEventListener("keydown", act, { capture: true });
  picture.canvas.addEventListener("keyup", (event) => event.stopImmediatePropagation(), { capture: true });
}

function pictureKey(event, picture) {
  if (event.ctrlKey || event.metaKey) return false;
  if (event.key in STEPS) picture.step(STEPS[event.key]);
  else if (event.key === "Enter") picture.sayHere(picture.inside !== event.shiftKey);
  else return false;
  return true;
}

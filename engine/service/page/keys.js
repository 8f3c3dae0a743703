/** Keys: letters anywhere but where text is written; arrows and Enter in the picture. */

const STEPS = {
  ArrowLeft: [-1, 0, 0],
  ArrowRight: [1, 0, 0],
  ArrowUp: [0, 1, 0],
  ArrowDown: [0, -1, 0],
  PageUp: [0, 0, 1],
  PageDown: [0, 0, -1],
};

/** Call what belongs to a key while isOn says so. */
export function listenToKeys(isOn, picture, { letters, withControl, withControlAndShift }) {
  const act = (event) => {
    const isPicture = event.target === picture.canvas;
    if (isPicture) event.stopImmediatePropagation(); // NiiVue has keys of its own
    if (!isOn() || event.altKey || document.querySelector("dialog[open]")) return;
    const key = event.key.toLowerCase();
    const found = isPicture && pictureKey(event, picture) ? null : action(event, key);
    if (found === undefined) return;
    event.preventDefault();
    found?.();
  };

  const action = (event, key) => {
    if (event.ctrlKey || event.metaKey) return (event.shiftKey ? withControlAndShift : withControl)[key];
    const isWriting = event.target.matches("select, textarea, input:not([type=radio])");
    return isWriting ? undefined : letters[key];
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

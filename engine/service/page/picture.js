/** The picture: NiiVue, the drawings over it, and prompts by the mouse. */

import { Axes } from "./axes.js";
import { drawContours } from "./contours.js";
import { fitCrosshair } from "./crosshair.js";
import { colorDrawing, withoutGradients } from "./flat.js";

const CROSSHAIR = 8; // NiiVue's DRAG_MODE
const CONTRAST = 1;
const PAN = 3;
const MULTIPLANAR = 3; // NiiVue's SLICE_TYPE
const STILL_PX = 4; // a click moves less

export class Picture {
  constructor(view, canvas, sketch) {
    this.view = view;
    this.canvas = canvas;
    this.sketch = sketch;
    this.addPrompt = () => {}; // is called with a prompt, without its object
    this.moved = () => {}; // is called with the stored voxel of the crosshair
    this.tool = "point";
    this.inside = true;
    this.contours = [];
    this.stroke = null;
    this.axes = null;
    this.#listen();
  }

  /** Begin to show; needs NiiVue, and WebGL 2. */
  async start() {
    const keys = { clipPlaneHotKey: "", cycleClipPlaneHotKey: "", viewModeHotKey: "" };
    const left = { primary: CROSSHAIR, withShift: CROSSHAIR, withCtrl: CROSSHAIR };
    this.nv = new globalThis.niivue.Niivue({
      ...keys,
      sliceType: MULTIPLANAR,
      multiplanarShowRender: 0,
      multiplanarPadPixels: 4,
      mouseEventConfig: { leftButton: left, rightButton: CONTRAST, centerButton: PAN },
      crosshairColor: [1, 1, 1, 0.55],
      crosshairWidthUnit: "mm",
      crosshairGap: 4,
      dragAndDropEnabled: false,
      loadingText: "",
      logLevel: "error",
    });
    await this.nv.attachToCanvas(this.canvas);
    withoutGradients(this.nv);
    const draw = this.nv.drawScene.bind(this.nv);
    this.nv.drawScene = (...given) => {
      const done = draw(...given);
      this.#drawSketch();
      fitCrosshair(this.nv);
      return done;
    };
    this.nv.onLocationChange = () => this.axes && this.moved(this.crosshair());
  }

  /** The most voxels along an axis that can be shown. */
  get longestAxis() {
    return this.nv.gl.getParameter(this.nv.gl.MAX_3D_TEXTURE_SIZE);
  }

  /** Show an image: a NIfTI file of this stored shape. */
  async open(buffer, shape) {
    const { nv } = this;
    this.axes = null;
    nv.closeDrawing();
    for (const volume of [...nv.volumes]) nv.removeVolume(volume);
    await nv.loadFromArrayBuffer(buffer, "image.nii");
    this.axes = new Axes(shape, nv.volumes[0].permRAS);
    this.contours = [];
    nv.drawOpacity = 0.45;
    nv.drawRimOpacity = 0.95;
    nv.createEmptyDrawing();
    this.goTo(this.axes.shape.map((n) => n >> 1));
  }

  /** Show labels; colours: red, green, blue of each number from 1. */
  show(labels, colors) {
    const { nv } = this;
    const all = [[0, 0, 0], ...colors];
    const [R, G, B] = [0, 1, 2].map((part) => all.map((color) => color[part]));
    nv.drawBitmap = labels.values;
    colorDrawing(nv, { R, G, B, A: all.map((_, i) => (i ? 255 : 0)), labels: all.map((_, i) => `${i || ""}`) });
    nv.refreshDrawing(true);
  }

  /** Show labels whose colours are those shown last. */
  refresh() {
    this.nv.refreshDrawing(true);
  }

  /** Hide the labels or show them again. */
  hide(hidden) {
    this.nv.drawOpacity = hidden ? 0 : 0.45;
    this.nv.drawRimOpacity = hidden ? 0 : 0.95;
    this.nv.drawScene();
  }

  /** Draw the outlines of labels, each with its colour, until the next call. */
  outline(contours) {
    this.contours = contours;
    this.nv.drawScene();
  }

  /** Return the stored voxel of the crosshair. */
  crosshair() {
    return this.axes.toStored(this.#voxel(this.nv.scene.crosshairPos));
  }

  /** Move the crosshair to a stored voxel. */
  goTo(stored) {
    const middle = this.axes.toShown(stored).map((at, axis) => (at + 0.5) / this.axes.shown[axis]);
    this.nv.scene.crosshairPos = middle;
    this.nv.drawScene();
    this.moved(stored);
  }

  /** Move the crosshair by shown voxels. */
  step(by) {
    const shown = this.axes.toShown(this.crosshair());
    this.goTo(this.axes.toStored(this.#within(shown.map((at, axis) => at + by[axis]))));
  }

  /** Say something of the voxel under the crosshair. */
  sayHere(inside) {
    this.addPrompt({ kind: "point", positive: inside, index: this.axes.toServer(this.crosshair()) });
  }

  // --- inside

  /** Return the shown voxel at a place between 0 and 1 along each axis. */
  #voxel(place) {
    return this.#within([0, 1, 2].map((axis) => Math.floor(place[axis] * this.axes.shown[axis])));
  }

  #within(shown) {
    return shown.map((at, axis) => Math.min(Math.max(at, 0), this.axes.shown[axis] - 1));
  }

  #pixel(event) {
    const box = this.canvas.getBoundingClientRect();
    const scale = this.nv.uiData.dpr;
    return [(event.clientX - box.left) * scale, (event.clientY - box.top) * scale];
  }

  /** Return the shown voxel at a place of the screen, and the tile it is in; null where there is no image. */
  #at(event) {
    const [x, y] = this.#pixel(event);
    const tile = this.nv.tileIndex(x, y);
    if (tile < 0 || this.nv.screenSlices[tile].axCorSag > 2) return null;
    const place = this.nv.screenXY2TextureFrac(x, y, tile, true);
    return place[0] < 0 ? null : { voxel: this.#voxel(place), tile };
  }

  #listen() {
    this.view.addEventListener("mousedown", (event) => this.#down(event), { capture: true });
    window.addEventListener("mousemove", (event) => this.#move(event), { capture: true });
    window.addEventListener("mouseup", (event) => this.#up(event), { capture: true });
  }

  #down(event) {
    if (!this.axes || event.button !== 0 || this.tool === "move" || this.contours.length) return;
    const found = this.#at(event);
    if (!found) return;
    this.canvas.focus({ preventScroll: true });
    const inside = this.inside !== event.shiftKey;
    this.stroke = { ...found, inside, pixels: [this.#pixel(event)], voxels: [found.voxel] };
    if (this.tool === "point") return;
    event.stopPropagation(); // the crosshair stays
    event.preventDefault(); // and nothing is selected and dragged away
  }

  #move(event) {
    if (!this.stroke || this.tool === "point") return;
    event.stopPropagation();
    if (!(event.buttons & 1)) return this.#forget(); // let go outside of the window
    const found = this.#at(event);
    if (!found || found.tile !== this.stroke.tile) return;
    this.stroke.pixels.push(this.#pixel(event));
    this.stroke.voxels.push(found.voxel);
    this.#drawSketch();
  }

  #forget() {
    this.stroke = null;
    this.#drawSketch();
  }

  #up(event) {
    const { stroke } = this;
    if (!stroke) return;
    this.#forget();
    const [x, y] = this.#pixel(event);
    if (this.tool === "point") {
      const moved = Math.hypot(x - stroke.pixels[0][0], y - stroke.pixels[0][1]);
      if (moved < STILL_PX * this.nv.uiData.dpr) this.#sayPoint(stroke);
    } else if (this.tool === "box") {
      this.#sayBox(stroke);
    } else {
      const voxels = joined(stroke.voxels).map((voxel) => this.axes.toServer(this.axes.toStored(voxel)));
      this.addPrompt({ kind: "scribble", positive: stroke.inside, voxels });
    }
  }

  #sayPoint(stroke) {
    this.addPrompt({ kind: "point", positive: stroke.inside, index: this.axes.toServer(this.axes.toStored(stroke.voxel)) });
  }

  #sayBox(stroke) {
    const ends = [stroke.voxels[0], stroke.voxels.at(-1)].map((voxel) => this.axes.toServer(this.axes.toStored(voxel)));
    const lower = ends[0].map((at, axis) => Math.min(at, ends[1][axis]));
    const upper = ends[0].map((at, axis) => Math.max(at, ends[1][axis]) + 1);
    this.addPrompt({ kind: "box", positive: true, lower, upper });
  }

  #drawSketch() {
    const { sketch, canvas, stroke } = this;
    if (sketch.width !== canvas.width || sketch.height !== canvas.height) {
      sketch.width = canvas.width;
      sketch.height = canvas.height;
    }
    // Lines are few, and drawn by the processor: beside WebGL, Chromium's other way at times kept what was cleared.
    const context = sketch.getContext("2d", { willReadFrequently: true });
    context.clearRect(0, 0, sketch.width, sketch.height);
    if (this.contours.length && this.axes) {
      const tiles = this.#tiles();
      for (const { labels, color } of this.contours) drawContours(context, tiles, labels, color);
    }
    if (stroke && this.tool !== "point") drawStroke(context, stroke, this.tool);
  }

  /** Return for each plane shown how its voxels lie on the screen. */
  #tiles() {
    const { nv } = this;
    const voxel = this.axes.toShown(this.crosshair());
    return nv.screenSlices.flatMap((slice, tile) => {
      if (slice.axCorSag > 2) return [];
      const [a, b] = [[0, 1], [0, 2], [1, 2]][slice.axCorSag];
      const [left, top, width, height] = slice.leftTopWidthHeight;
      const [x0, x1] = [left + width / 4, left + (3 * width) / 4];
      const [y0, y1] = [top + height / 4, top + (3 * height) / 4];
      const [p, q] = [nv.screenXY2TextureFrac(x0, y0, tile, false), nv.screenXY2TextureFrac(x1, y1, tile, false)];
      const x = (i) => x0 + ((i / this.axes.shown[a] - p[a]) / (q[a] - p[a])) * (x1 - x0);
      const y = (j) => y0 + ((j / this.axes.shown[b] - p[b]) / (q[b] - p[b])) * (y1 - y0);
      return [{ a, b, x, y, voxel, clip: [left, top, width, height] }];
    });
  }
}

/** Return the voxels along the straight lines between some, each once. */
function joined(voxels) {
  const seen = new Map();
  voxels.forEach((to, i) => {
    const from = voxels[Math.max(0, i - 1)];
    const count = Math.max(1, ...to.map((at, axis) => Math.abs(at - from[axis])));
    for (let step = 0; step <= count; step += 1) {
      const voxel = to.map((at, axis) => Math.round(from[axis] + ((at - from[axis]) * step) / count));
      seen.set(voxel.join(), voxel);
    }
  });
  return [...seen.values()];
}

function drawStroke(context, { pixels, inside }, tool) {
  context.strokeStyle = inside ? "#7fd1ff" : "#ff8a80";
  context.lineWidth = 3;
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  if (tool === "box") {
    const [[x0, y0], [x1, y1]] = [pixels[0], pixels.at(-1)];
    context.rect(x0, y0, x1 - x0, y1 - y0);
  } else {
    pixels.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
  }
  context.stroke();
}

/**
 * The two ways in which voxels are counted: stored (z, y, x, as the server speaks), and shown (x, y, z, turned so that
 * they run to the right, the front and the head, as NiiVue does).
 */
export class Axes {
  /** shape: stored, of two or three axes. turned: NiiVue's permRAS, for each shown axis the file's, from 1, with a sign. */
  constructor(shape, turned) {
    this.isPlane = shape.length === 2;
    this.shape = this.isPlane ? [1, ...shape] : shape;
    this.storedAxis = turned.map((axis) => 3 - Math.abs(axis));
    this.isReversed = turned.map((axis) => axis < 0);
    this.shown = this.storedAxis.map((axis) => this.shape[axis]);
    const steps = [1, this.shown[0], this.shown[0] * this.shown[1]];
    this.steps = [0, 0, 0];
    this.start = 0;
    steps.forEach((step, axis) => {
      const stored = this.storedAxis[axis];
      this.steps[stored] = this.isReversed[axis] ? -step : step;
      if (this.isReversed[axis]) this.start += step * (this.shape[stored] - 1);
    });
  }

  /** Return stored z, y, x of a shown voxel. */
  toStored(shown) {
    const stored = [0, 0, 0];
    shown.forEach((at, axis) => {
      const own = this.storedAxis[axis];
      stored[own] = this.isReversed[axis] ? this.shape[own] - 1 - at : at;
    });
    return stored;
  }

  /** Return the shown voxel of stored z, y, x. */
  toShown(stored) {
    return this.storedAxis.map((own, axis) => (this.isReversed[axis] ? this.shape[own] - 1 - stored[own] : stored[own]));
  }

  /** Return a stored index as the server counts it: a plane has no z. */
  toServer(stored) {
    return this.isPlane ? stored.slice(1) : stored;
  }

  /** Return the shown axis along which a stored one runs. */
  shownAxis(stored) {
    return this.storedAxis.indexOf(stored);
  }
}

/** Labels of all voxels, in shown order, kept up to date from the changes of an answer. */
export class Labels {
  /** kind: the array that holds them; those of a session are bytes. */
  constructor(axes, kind = Uint8Array) {
    this.axes = axes;
    this.values = new kind(axes.shape[0] * axes.shape[1] * axes.shape[2]);
  }

  /** Take over one change: the mask of an object in a box. */
  apply({ object, box, bits }) {
    if (!box) return;
    const bytes = Uint8Array.from(atob(bits), (letter) => letter.charCodeAt(0));
    let bit = 0;
    this.#rows(this.axes.isPlane ? [[0, 1], ...box] : box, (at) => {
      if ((bytes[bit >> 3] >> (7 - (bit & 7))) & 1) this.values[at] = object;
      else if (this.values[at] === object) this.values[at] = 0;
      bit += 1;
    });
  }

  /** Take over a whole array in stored order. */
  fill(stored) {
    let from = 0;
    this.#rows(
      this.axes.shape.map((n) => [0, n]),
      (at) => {
        this.values[at] = stored[from];
        from += 1;
      },
    );
  }

  /** Return a whole array in stored order. */
  stored() {
    const found = new Uint8Array(this.values.length);
    let to = 0;
    this.#rows(
      this.axes.shape.map((n) => [0, n]),
      (at) => {
        found[to] = this.values[at];
        to += 1;
      },
    );
    return found;
  }

  #rows([[z0, z1], [y0, y1], [x0, x1]], visit) {
    const { start, steps } = this.axes;
    for (let z = z0; z < z1; z += 1) {
      for (let y = y0; y < y1; y += 1) {
        let at = start + z * steps[0] + y * steps[1] + x0 * steps[2];
        for (let x = x0; x < x1; x += 1, at += steps[2]) visit(at);
      }
    }
  }
}

export const NIFTI_HEADER = 352;

/** Return labels as an uncompressed NIfTI-1 file; header: of the image, as it came. */
export function niftiOf(header, labels) {
  const file = new Uint8Array(NIFTI_HEADER + labels.values.length);
  file.set(new Uint8Array(header).subarray(0, NIFTI_HEADER - 4)); // without extensions
  file.set(labels.stored(), NIFTI_HEADER);
  const view = new DataView(file.buffer);
  const little = view.getInt32(0, true) === 348;
  view.setInt16(70, 2, little); // unsigned bytes
  view.setInt16(72, 8, little);
  view.setFloat32(108, NIFTI_HEADER, little);
  view.setFloat32(112, 1, little); // no scaling
  view.setFloat32(116, 0, little);
  return file;
}

/** Return the voxels of an uncompressed NIfTI-1 file of whole numbers, in stored order. */
export function niftiValues(buffer) {
  const view = new DataView(buffer);
  const little = view.getInt32(0, true) === 348;
  const offset = view.getFloat32(108, little);
  const kind = { 2: Uint8Array, 4: Int16Array, 8: Int32Array, 512: Uint16Array, 768: Uint32Array }[view.getInt16(70, little)];
  if (!little || !kind) throw new Error("the label is stored in a form that this page cannot show");
  return new kind(buffer.slice(offset));
}

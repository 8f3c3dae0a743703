/** Where two labels of an image differ most. */

/**
 * Return a stored voxel of the largest connected piece of what differs, how many voxels that piece has, and how many
 * differ in all; null where the labels agree. The voxel lies in the slice along a stored axis that has most of the
 * piece, as near to its middle there as the piece allows.
 */
export function largestDisagreement([one, two], axis) {
  const { axes } = one;
  const differs = one.values.map((value, at) => (value === two.values[at] ? 0 : 1));
  let piece = [];
  let total = 0;
  for (let at = differs.indexOf(1); at >= 0; at = differs.indexOf(1, at + 1)) {
    const found = taken(differs, at, axes.shown);
    total += found.length;
    if (found.length > piece.length) piece = found;
  }
  if (!total) return null;
  const [nx, ny] = axes.shown;
  const stored = (at) => axes.toStored([at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))]);
  return { voxel: middle(piece.map(stored), axis), count: piece.length, total };
}

/** Take the piece around a voxel, connected through faces, out of what differs. */
function taken(differs, start, [nx, ny, nz]) {
  const piece = [start];
  differs[start] = 0;
  for (let i = 0; i < piece.length; i += 1) {
    const at = piece[i];
    const [x, y, z] = [at % nx, Math.floor(at / nx) % ny, Math.floor(at / (nx * ny))];
    const take = (next, isInside) => {
      if (!isInside || !differs[next]) return;
      differs[next] = 0;
      piece.push(next);
    };
    take(at - 1, x > 0);
    take(at + 1, x < nx - 1);
    take(at - nx, y > 0);
    take(at + nx, y < ny - 1);
    take(at - nx * ny, z > 0);
    take(at + nx * ny, z < nz - 1);
  }
  return piece;
}

function middle(voxels, axis) {
  const counts = [];
  for (const voxel of voxels) counts[voxel[axis]] = (counts[voxel[axis]] ?? 0) + 1;
  let fullest = -1;
  counts.forEach((count, slice) => (fullest = count > (counts[fullest] ?? 0) ? slice : fullest));
  const own = voxels.filter((voxel) => voxel[axis] === fullest);
  const mean = [0, 1, 2].map((part) => own.reduce((sum, voxel) => sum + voxel[part], 0) / own.length);
  const away = (voxel) => voxel.reduce((sum, part, i) => sum + (part - mean[i]) ** 2, 0);
  return own.reduce((best, voxel) => (away(voxel) < away(best) ? voxel : best));
}

/** Outlines of masks over the picture, drawn slice by slice along the borders of voxels. */

/**
 * Draw the outlines of some labels in the slices shown.
 * tiles: of each the shown axes a (across) and b (down), where a voxel border lies on the screen, and the slice's voxel.
 */
export function drawContours(context, tiles, labels, color) {
  const { values, axes } = labels;
  const steps = [1, axes.shown[0], axes.shown[0] * axes.shown[1]];
  context.strokeStyle = color;
  context.lineWidth = 2;
  for (const { a, b, x, y, voxel, clip } of tiles) {
    const fixed = 3 - a - b;
    const value = (i, j) =>
      i < 0 || j < 0 || i >= axes.shown[a] || j >= axes.shown[b]
        ? 0
        : values[i * steps[a] + j * steps[b] + voxel[fixed] * steps[fixed]];
    context.save();
    context.beginPath();
    context.rect(...clip);
    context.clip();
    context.beginPath();
    for (let i = 0; i <= axes.shown[a]; i += 1) {
      for (let j = 0; j <= axes.shown[b]; j += 1) {
        const own = value(i, j);
        if (own !== value(i - 1, j)) line(context, x(i), y(j), x(i), y(j + 1));
        if (own !== value(i, j - 1)) line(context, x(i), y(j), x(i + 1), y(j));
      }
    }
    context.stroke();
    context.restore();
  }
}

function line(context, x0, y0, x1, y1) {
  context.moveTo(x0, y0);
  context.lineTo(x1, y1);
}

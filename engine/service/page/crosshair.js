/** The crosshair: as wide on the screen for every image. */

const WIDE_PX = 1.15;

/** Make the crosshair as wide as it should be in the planes drawn last; NiiVue counts its width in voxels or mm. */
export function fitCrosshair(nv) {
  const plane = nv.screenSlices.find(({ axCorSag }) => axCorSag <= 2);
  if (!plane?.fovMM) return;
  const width = (WIDE_PX * nv.uiData.dpr * Math.abs(plane.fovMM[0])) / plane.leftTopWidthHeight[2];
  const isFit = Math.abs(width - nv.opts.crosshairWidth) < 0.05 * width;
  if (Number.isFinite(width) && !isFit) nv.setCrosshairWidth(width); // draws again
}

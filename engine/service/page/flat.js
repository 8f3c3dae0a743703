/** Only slices are shown here: what NiiVue does for its view of a volume as a solid is left out. */

const GRADIENT_UNIT = 8; // of the texture from which NiiVue makes gradients, and of nothing else here
const ONE_VOXEL = [3, 1, 1, 1, 1, 1, 1, 1];

/** Let an instance compute no gradients: they take seconds where there is no GPU, and as much memory as the image. */
export function withoutGradients(nv) {
  const refresh = nv.refreshLayers.bind(nv);
  const make = nv.rgbaTex.bind(nv);
  nv.refreshLayers = (volume, layer) => {
    const { hdr } = volume;
    const { dims } = hdr;
    nv.rgbaTex = (texture, unit, size, isZeroed) => {
      if (unit !== nv.gl.TEXTURE0 + GRADIENT_UNIT) return make(texture, unit, size, isZeroed);
      hdr.dims = ONE_VOXEL; // the gradients, which come last, are those of this header
      return make(texture, unit, ONE_VOXEL, isZeroed);
    };
    try {
      return refresh(volume, layer);
    } finally {
      hdr.dims = dims;
      nv.rgbaTex = make;
    }
  };
}

/** Give the drawing its colours, without making the image's texture again. */
export function colorDrawing(nv, colors) {
  const update = nv.updateGLVolume;
  nv.updateGLVolume = () => nv.refreshColormaps();
  nv.setDrawColormap(colors);
  nv.updateGLVolume = update;
}

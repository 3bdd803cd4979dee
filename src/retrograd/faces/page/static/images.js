// Weights as images, where what goes into the network is one.

import { signedPixels } from "./colours.js";

/** The weights into some units as small images, so many side by side, on one canvas. */
export function unitImages(weights, units, across, [tall, wide], top, dark) {
  const canvas = new OffscreenCanvas(across * wide, Math.ceil(units.length / across) * tall);
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  const pixels = new Uint32Array(image.data.buffer);
  const colour = signedPixels(dark);
  units.forEach((unit, k) => {
    const corner = Math.floor(k / across) * tall * canvas.width + (k % across) * wide;
    for (let pixel = 0; pixel < tall * wide; pixel += 1) {
      const at = corner + Math.floor(pixel / wide) * canvas.width + (pixel % wide);
      pixels[at] = colour(weights.at(pixel, unit) / (top || 1));
    }
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

"""Writes images/tests/files: one image in many formats.

    pip install pillow numpy && python scripts/image_files.py

Pixel (row, column) is red 20 * row, green 17 * column, blue 3 * row * column, of 11 rows and 13 columns; opacity is 255 - 5 * (row + column), grey is green.
"""
import pathlib

import numpy as np
from PIL import Image

ROOT = pathlib.Path(__file__).resolve().parent.parent / "images/tests/files"
rows, columns = np.mgrid[0:11, 0:13]
colour = np.stack([20 * rows, 17 * columns, 3 * rows * columns], -1).clip(0, 255).astype(np.uint8)
opacity = (255 - 5 * (rows + columns)).astype(np.uint8)
transparent = np.dstack([colour, opacity])
grey = colour[..., 1]
bits = (grey > 100).astype(np.uint8) * 255


def save(name, pixels, mode=None, **options):
    image = Image.fromarray(pixels)
    (image.convert(mode) if mode else image).save(ROOT / name, **options)


ROOT.mkdir(parents=True, exist_ok=True)
for ending in ("png", "bmp", "tiff", "ppm", "jp2", "jpg"):
    save(f"colour.{ending}", colour)
    save(f"grey.{'pgm' if ending == 'ppm' else ending}", grey)
save("colour.webp", colour, lossless=True)
save("lossy.webp", colour, quality=90)
save("transparent.webp", transparent, lossless=True, exact=True)
for ending in ("png", "tiff", "jp2"):
    save(f"transparent.{ending}", transparent)
for way in ("tiff_lzw", "tiff_adobe_deflate", "packbits"):
    save(f"colour_{way}.tiff", colour, compression=way)
save("bits.tiff", bits, "1")
save("bits.png", bits, "1")
save("bits.bmp", bits, "1")
save("wide.png", grey.astype(np.uint16) << 8)
save("wide.tiff", grey.astype(np.uint16) << 8)
save("palette.png", grey, "P")
save("palette.bmp", grey, "P")

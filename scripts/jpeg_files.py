"""Makes the pictures of `data/tests/images`: JPEG files of four kinds, a few hundred bytes each.

    python scripts/jpeg_files.py data/tests/images

Needs numpy and pillow. Another version of Pillow's JPEG library may write other bytes; the tests know the pixels.
"""

import pathlib
import sys

import numpy
from PIL import Image

folder = pathlib.Path(sys.argv[1])

# Left half red, right half blue.
halves = numpy.zeros((16, 16, 3), "uint8")
halves[:, :8, 0] = 255
halves[:, 8:, 2] = 255
colours = Image.fromarray(halves)
# Whole chroma: the border between the halves stays sharp.
colours.save(folder / "colour.jpg", quality=95, subsampling=0)
colours.save(folder / "progressive.jpg", quality=95, subsampling=0, progressive=True)
colours.convert("CMYK").save(folder / "print.jpg", quality=95)

# From black at the left to nearly white at the right.
greys = numpy.tile(numpy.arange(0, 256, 16, dtype="uint8"), (8, 1))
Image.fromarray(greys).save(folder / "grey.jpg", quality=95)

"""Pictures of digits made by code, with what they say: to measure a reader of pictures honestly.

From a digit image to a labelled picture::

    strokes.py   a digit image -> ink of any height, with edges as sharp as a pen's
    writing.py   digits one after another: apart, touching
    forms.py     boxes and combs, and digits written into them
    pages.py     what is on a page, and how it is seen: turned, in perspective
    layouts.py   a hand, and the pages it writes: free lines, ruled paper, forms
    camera.py    colors, light and shadow, blur, noise, JPEG
    pictures.py  a page -> its picture, scanned or photographed
    kinds.py     the recipes, by name, and `make_pictures`
    gallery.py   one encoded file of every sort: formats, modes, transparency, rotation

All is seeded: the same seed makes the same pictures, and the first ones do not depend on how many are made.
"""

from knn_digits.made_pictures.gallery import GalleryFile, gallery
from knn_digits.made_pictures.kinds import KINDS, Kind, make_pictures
from knn_digits.made_pictures.pictures import MadePicture

__all__ = ["KINDS", "GalleryFile", "Kind", "MadePicture", "gallery", "make_pictures"]

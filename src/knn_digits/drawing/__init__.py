"""How things are shown: the house style, small pictures, numbers as text, and an explanation as one figure.

::

    style.py            colors, type, axes; a figure as bytes
    pictures.py         images as ink on paper, grids, PNG, data URIs
    wording.py          numbers and lists as text
    explanations.py     why an answer, and not the runner-up: a figure, and the same as HTML
    └── telling.py          the same in words

It draws what it is given and never fits, predicts or loads; `report` makes whole pages of it.
"""

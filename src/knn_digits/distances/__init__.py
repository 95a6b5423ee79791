"""What "near" means between two images, beyond the distance between vectors.

::

    distortion.py          the image distortion model, in plain NumPy: its definition, and many pairs at once
    distortion_kernel.py   the same compiled with Numba, for many candidates of many queries
"""

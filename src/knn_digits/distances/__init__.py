"""What "near" means between two images, beyond the distance between vectors.

::

    distortion.py          the image distortion model, in plain NumPy: its definition, and its test's oracle
    distortion_kernel.py   the same compiled with Numba, for many candidates
"""

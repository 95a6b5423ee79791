"""The presets by name, with what each is in a line: as much of them as help texts need, without NumPy."""

__all__ = ["DEFAULT_PRESET", "SUMMARIES"]

SUMMARIES = {
    "pixels": "the textbook method: exact Euclidean distance between raw pixels, the 3 nearest vote",
    "fast": "exact search among learned 64-dimensional vectors, local hulls of the contested classes",
    "accurate": "exact search among learned 64-dimensional vectors, local hulls and image distortion of the "
    "contested classes",
    "best": "the same as accurate, among 128-dimensional vectors and with more candidates",
    "idm": "the published image distortion model: of the 500 nearest images the 3 that fit best vote",
}
DEFAULT_PRESET = "accurate"

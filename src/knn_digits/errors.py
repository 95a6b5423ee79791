"""The errors a user can meet, all children of one.

::

    KnnDigitsError              anything we refuse or fail at, told in one line
    ├── DataError               a data set is missing, damaged, or not what it says (a ValueError)
    │   └── DataNotFoundError   it could not be had at all: no folder, no cache, no network
    ├── ModelFileError          a saved model is damaged, incomplete or of another version (a ValueError)
    ├── PictureError            a picture is damaged, too large, or none (a ValueError)
    ├── ResultsError            a folder of results is missing, damaged or of another version (a ValueError)
    └── OutputError             a result could not be written: disk full, read-only, in the way (an OSError)

A message says what was expected, what came, and what to do. Wrong arguments to the library raise
``ValueError`` and ``TypeError`` as everywhere in scikit-learn. The command line turns these errors into
one line on stderr and exit code 1; anything else is a bug and keeps its traceback.
"""

__all__ = [
    "DataError",
    "DataNotFoundError",
    "KnnDigitsError",
    "ModelFileError",
    "OutputError",
    "PictureError",
    "ResultsError",
]


class KnnDigitsError(Exception):
    """Anything that knn-digits refuses or fails at, told in one line."""


class DataError(KnnDigitsError, ValueError):
    """A data set is missing, damaged, or not what it says it is."""


class DataNotFoundError(DataError):
    """A data set could not be had at all: not in a folder, not in the cache, not from the network."""


class ModelFileError(KnnDigitsError, ValueError):
    """A saved model is damaged, incomplete or of another format version."""


class PictureError(KnnDigitsError, ValueError):
    """A picture is damaged, too large, or no picture."""


class ResultsError(KnnDigitsError, ValueError):
    """A folder of results is missing, damaged or of another format version."""


class OutputError(KnnDigitsError, OSError):
    """A result could not be written: the disk is full or read-only, or something is in the way."""

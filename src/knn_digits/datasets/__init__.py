"""Getting digits: from MNIST, from scikit-learn, or from a folder of the user's own.

::

    load_dataset(name or path)              loading.py      which road to take, and what to say when closed
    ├── "mnist", "auto"                     mnist.py        data folder, cache, mirrors; checksums decide
    │   ├── mnist_files.py                  the four files, and how we know one is right
    │   ├── cache.py                        where downloads are kept, and how a file gets there whole
    │   └── mirrors.py                      one bounded download, one line about every failure
    ├── "digits", "auto" without MNIST      bundled.py      the 1,797 digits inside scikit-learn
    └── a path                              folder.py       a folder of the user's own
        ├── idx_folder.py                   four IDX files: EMNIST, QMNIST, Fashion-MNIST, MNIST itself
        └── picture_folder.py               one folder of pictures per class; pictures.py reads one
    all of them end in a DigitDataset       dataset.py      validated in one place, read-only, with one hash

    idx.py            reads one IDX file and trusts nothing in it
    compression.py    opens plain and gzip files alike
    splitting.py      cuts a test set where the data has none of its own
    paths.py          plain answers about paths a user gave
    byte_progress.py  how reading and downloading tell how far they are
    writers.py        who wrote which training image, for folds of whole writers
    disputed.py       test labels of MNIST that human raters dispute

Only ``load_dataset(..., download=True)`` and ``fetch_mnist()`` use the network.
"""

from knn_digits.datasets.byte_progress import ByteProgress
from knn_digits.datasets.cache import cache_folder
from knn_digits.datasets.dataset import DigitDataset
from knn_digits.datasets.loading import load_dataset
from knn_digits.datasets.mnist import FileStatus, fetch_mnist, mnist_status
from knn_digits.datasets.writers import read_groups

__all__ = [
    "ByteProgress",
    "DigitDataset",
    "FileStatus",
    "cache_folder",
    "fetch_mnist",
    "load_dataset",
    "mnist_status",
    "read_groups",
]

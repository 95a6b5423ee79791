"""``python -m knn_digits`` is ``knn-digits``."""

import sys

from knn_digits.cli import main

sys.exit(main())

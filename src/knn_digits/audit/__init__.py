"""Labels worth a second look: those that neighbors contradict, and images that are there twice.

::

    run_audit            run.py          fit, ask, rank, compare
    ├── suspects.py      labels in the order in which they are contradicted, each with two references to compare
    ├── duplicates.py    images that are the same, or nearly
    ├── rankings.py      where labels known to be disputed come in our order, and in cleanlab's
    ├── result.py        Audit: what was found, as JSON and images
    └── files.py         audit.json on disk

A suspect is a candidate to look at: nothing is changed or deleted.
"""

from knn_digits.audit.files import AUDIT_FILE, AUDIT_FOLDER, write_audit
from knn_digits.audit.result import Audit
from knn_digits.audit.run import SPLITS, run_audit

__all__ = ["AUDIT_FILE", "AUDIT_FOLDER", "SPLITS", "Audit", "run_audit", "write_audit"]

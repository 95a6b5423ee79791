"""knn-digits reads handwritten digits with k-nearest neighbours."""

__version__ = "0.1.0"

"""Texts that may hold names of files, in a form that can be printed, stored and sent."""

__all__ = ["printable"]


def printable(text: str) -> str:
    """Give a text that may hold a path in a form that can be printed, stored and sent.

    Names on disk are bytes; those that are not UTF-8 reach Python as lone surrogates, which no UTF-8
    file or terminal takes. They become the replacement character.
    """
    try:
        content = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte
        content = text.encode("utf-8", "replace")
    return content.decode("utf-8", "replace")

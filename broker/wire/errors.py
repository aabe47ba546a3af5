"""The one error of the wire."""

from __future__ import annotations


class WireError(ValueError):
    """A batch that this version does not understand; it is dropped whole and counted, and changes nothing."""

"""What a scanning worker counts."""

from __future__ import annotations

import msgspec


class Counters(msgspec.Struct):
    """Files by verdict; `confirmed` were scanned again and still clean; `errors` could not be judged for now."""

    clean: int = 0
    infected: int = 0
    rejected: int = 0
    confirmed: int = 0
    errors: int = 0
    told: int = 0
    unsent: int = 0
    refused_frames: int = 0
    rescans: int = 0
    swept_files: int = 0
    swept_objects: int = 0

    def verdict(self, verdict: str) -> None:
        """One more of this kind."""
        setattr(self, verdict, getattr(self, verdict) + 1)

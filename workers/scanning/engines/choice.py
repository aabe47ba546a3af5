"""Which engine the settings name: a real one where there is one, our own rules where there is none."""

from __future__ import annotations

from workers.scanning.engines.contract import Engine

# Each engine is loaded when it is chosen: the launcher asks whether settings fit, and should not wait for libraries.


def chosen(clamd_address: str, virus_scan_url: str, virus_scan_api_key: str) -> Engine:
    """The engine; raises `ValueError` where the settings name two, or a key for nothing."""
    if clamd_address and virus_scan_url:
        raise ValueError("CLAMD_ADDRESS and VIRUS_SCAN_URL name two scanners: set one of them")
    if virus_scan_api_key and not virus_scan_url:
        raise ValueError("VIRUS_SCAN_API_KEY is for the service at VIRUS_SCAN_URL, which is not set")
    if clamd_address:
        from workers.scanning.engines.clamd import Clamd

        return Clamd(clamd_address)
    if virus_scan_url:
        if not virus_scan_url.startswith(("http://", "https://")):
            raise ValueError("VIRUS_SCAN_URL is an address: write https://…")
        from workers.scanning.engines.http import Service

        return Service(virus_scan_url, virus_scan_api_key)
    from workers.scanning.engines.yara import Yara

    return Yara()

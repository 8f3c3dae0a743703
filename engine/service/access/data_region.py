"""The name of a region, in which data must stay: one spelling for datastores, tokens and the policy."""

from __future__ import annotations

import re

from maskwright.errors import ConfigError

_REGION = re.compile(r"[a-z][a-z0-9-]{0,31}", re.ASCII)


def check_region(region: object, where: str) -> str:
    """Return a region's name such as ``eu-central``, or raise a ConfigError that says where it stands."""
    if not isinstance(region, str) or _REGION.fullmatch(region) is None:
        raise ConfigError(f'{where} region: expected up to 32 of a-z, 0-9 and "-", such as "eu-central"; got another')
    return region

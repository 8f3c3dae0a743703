"""A server that others can reach does not start by accident without tokens."""

import pytest

from maskwright.engine.service.access import ANYONE, LOCAL, anonymous_actor
from maskwright.errors import ConfigError

INSIDE = ["127.0.0.1", "127.8.9.10", "::1", "localhost", "LOCALHOST"]
OUTSIDE = ["0.0.0.0", "::", "", "*", "192.168.1.5", "10.0.0.1", "example.org", "localhost.example.org", "128.0.0.1"]
TRICKS = [
    "127.0.0.1.example.org",
    "127.1",
    "0x7f000001",
    "2130706433",
    "[::1]",
    " 127.0.0.1",
    "::ffff:10.0.0.1",
    "fe80::1",
]


@pytest.mark.parametrize("host", INSIDE)
def test_this_machine_needs_no_tokens(host: str) -> None:
    actor = anonymous_actor(host, insecure=False)
    assert (actor, actor.name, actor.role) == (LOCAL, "local", "admin")


@pytest.mark.parametrize("host", [*OUTSIDE, *TRICKS])
def test_every_other_address_does(host: str) -> None:
    with pytest.raises(ConfigError, match="--insecure"):
        anonymous_actor(host, insecure=False)
    assert anonymous_actor(host, insecure=True) == ANYONE

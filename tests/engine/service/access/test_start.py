"""A server that others can reach does not start by accident without tokens."""

from pathlib import Path

import pytest

from maskwright.engine.service.access import ANYONE, LOCAL, Tokens, actor_without_tokens, may_start, new_token
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


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    (tmp_path / "tokens.toml").write_text(new_token("ann", "admin").entry)
    (tmp_path / "tokens.toml").chmod(0o600)
    return Tokens.read(tmp_path / "tokens.toml")


@pytest.mark.parametrize("host", INSIDE)
def test_this_machine_needs_no_tokens(host: str) -> None:
    may_start(host, None, insecure=False)
    actor = actor_without_tokens(host)
    assert (actor, actor.name, actor.role) == (LOCAL, "local", "admin")


@pytest.mark.parametrize("host", [*OUTSIDE, *TRICKS])
def test_all_else_does(host: str, tokens: Tokens) -> None:
    with pytest.raises(ConfigError, match="--insecure"):
        may_start(host, None, insecure=False)
    may_start(host, tokens, insecure=False)
    may_start(host, None, insecure=True)
    assert actor_without_tokens(host) == ANYONE

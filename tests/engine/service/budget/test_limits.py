"""Limits are read from one table; a wrong one is refused in one line."""

import pytest

from maskwright.engine.service.access import Policy
from maskwright.engine.service.budget.limits import SHIPPED, Limits
from maskwright.errors import ConfigError


def write(folder, text):
    path = folder / "service.toml"
    path.write_text(text)
    return path


def test_the_shipped_limits_are_the_defaults():
    assert Limits.read() == Limits()
    assert all(f"{name} = " in SHIPPED.read_text() for name in Limits.model_fields)
    assert Policy.read().actions_of("viewer")


def test_limits_that_are_not_named_are_the_defaults(tmp_path):
    path = write(tmp_path, "[limits]\nsessions = 3\nidle_s = 5\nrequest_s = 0.5\n")
    assert Limits.read(path) == Limits(sessions=3, idle_s=5, request_s=0.5)
    assert Limits.read(write(tmp_path, "")) == Limits()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("limits = 3", "expected a table"),
        ("[limits]\nsesions = 3", "unknown key 'sesions', expected one of sessions"),
        ("[limits]\nsessions = 2.5", "sessions: expected a valid integer, got 2.5"),
        ("[limits]\nsessions = true", "got True"),
        ("[limits]\nsessions = 0", "greater than 0, got 0"),
        ("[limits]\nidle_s = -1", "got -1"),
        ("[limits]\nidle_s = nan", "got nan"),
        ("[limits]\nidle_s = inf", "got inf"),
        ('[limits]\nidle_s = "long"', "expected a valid number, got 'long'"),
        ("[limits", "not valid TOML"),
    ],
)
def test_a_wrong_limit_is_refused_in_one_line(tmp_path, text, part):
    with pytest.raises(ConfigError) as found:
        Limits.read(write(tmp_path, text))
    assert part in str(found.value)
    assert "\n" not in str(found.value)

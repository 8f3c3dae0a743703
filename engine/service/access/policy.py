"""The policy: which role may do what, and where. Deny by default."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

from maskwright.engine.config.toml_file import read_toml
from maskwright.engine.service.access.actor import ACTIONS, ROLES, Action, Actor, Role
from maskwright.engine.service.access.data_region import check_region
from maskwright.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[3] / "configs" / "service.toml"

EVERYWHERE = "*"
"""Stands in the table for datastores of every region, and of none."""

Regions = frozenset[str]


@dataclass(frozen=True)
class Decision:
    """Whether an actor may do something, and a word for the audit log that says why."""

    allowed: bool
    reason: Literal["unchecked", "in-policy", "not-in-policy", "wrong-region"]


@dataclass(frozen=True)
class Policy:
    """Role x action x region: ``table[role, action]`` is where a role may do an action; what is missing is refused."""

    table: Mapping[tuple[str, str], Regions]

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Self:
        """Read the ``[policy]`` of a service configuration.

        Raises
        ------
        ConfigError
            The file cannot be read or is not TOML, an unknown role, action or other key, or a wrong value.
        """
        document = read_toml(path)
        _require_known(document, ("policy", "limits"), f"{path}")
        if "policy" not in document:
            raise ConfigError(f"{path}: expected [policy.ROLE] tables, got none: nobody could do anything")
        roles = _table(document["policy"], f"{path} [policy]")
        _require_known(roles, ROLES, f"{path} [policy]")
        table: dict[tuple[str, str], Regions] = {}
        for role, value in roles.items():
            where = f"{path} [policy.{role}]"
            actions = _table(value, where)
            _require_known(actions, ACTIONS, where)
            for action, regions in actions.items():
                table[role, action] = _regions(regions, f"{where} {action}")
        return cls(table)

    def allows(self, actor: Actor, action: Action, region: str | None) -> Decision:
        """Decide whether an actor may do an action on a datastore.

        Parameters
        ----------
        actor : Actor
            Who asks.
        action : Action
            What for; one that there is not is refused.
        region : str or None
            The region the datastore declares.

        Returns
        -------
        Decision
            The regions of actor and datastore must be the same, or both be none, before the table is looked at.
        """
        if action not in ACTIONS:
            return Decision(False, "not-in-policy")
        if actor.unchecked:
            return Decision(True, "unchecked")
        if actor.region != region:
            return Decision(False, "wrong-region")
        regions = self.table.get((actor.role, action), frozenset())
        if EVERYWHERE in regions or (region is not None and region in regions):
            return Decision(True, "in-policy")
        return Decision(False, "not-in-policy")

    def actions_of(self, role: Role) -> list[Action]:
        """Return what a role may do in some region, for pages and documents."""
        return [action for action in ACTIONS if self.table.get((role, action))]


def _regions(value: object, where: str) -> Regions:
    if not isinstance(value, list):
        raise ConfigError(f'{where}: expected a list of regions such as ["*"], got {value!r}')
    return frozenset(region if region == EVERYWHERE else check_region(region, where) for region in value)


def _table(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise ConfigError(f"{where}: expected a table, got {value!r}")
    return value


def _require_known(table: Mapping[str, object], known: tuple[str, ...], where: str) -> None:
    if unknown := sorted(table.keys() - set(known)):
        raise ConfigError(f"{where}: unknown key {unknown[0]!r}, expected one of {', '.join(known)}")

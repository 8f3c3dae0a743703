"""The policy: which role may do what, and where. Deny by default."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field

from maskwright.engine.config.toml_file import read_toml
from maskwright.engine.service.access.actor import ACTIONS, Action, Actor, Role
from maskwright.engine.service.access.data_region import DATA_REGION
from maskwright.engine.service.budget.limits import SHIPPED
from maskwright.engine.service.strict_model import StrictModel
from maskwright.errors import ConfigError

EVERYWHERE = "*"
"""Stands in the table for datastores of every region, and of none."""

Region = Annotated[str, Field(pattern=rf"^(?:\*|{DATA_REGION.pattern})$")]


@dataclass(frozen=True)
class Decision:
    """Whether an actor may do something, and a word for the audit log that says why."""

    allowed: bool
    reason: Literal["unchecked", "in-policy", "not-in-policy", "wrong-region"]


class Policy(StrictModel):
    """Role x action x region: ``roles[role][action]`` lists the regions; an action that is missing is refused."""

    roles: dict[Role, dict[Action, list[Region]]]

    @classmethod
    def read(cls, path: Path = SHIPPED) -> Self:
        """Read the ``[policy]`` of a service configuration.

        Raises
        ------
        ConfigError
            The file cannot be read or is not TOML, an unknown role, action or other key, or a wrong value.
        """
        document = read_toml(path)
        if unknown := sorted(document.keys() - {"policy", "limits"}):
            raise ConfigError(f"{path}: unknown key {unknown[0]!r}, expected one of policy, limits")
        if "policy" not in document:
            raise ConfigError(f"{path}: expected [policy.ROLE] tables, got none: nobody could do anything")
        return cls.parse({"roles": document["policy"]}, f"{path} [policy]")

    def allows(self, actor: Actor, action: Action, region: str | None) -> Decision:
        """Decide whether an actor may do an action on a datastore.

        Parameters
        ----------
        actor : Actor
            The sender of a request.
        action : Action
            One that there is not is refused.
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
        regions = self.roles.get(actor.role, {}).get(action, [])
        if EVERYWHERE in regions or (region is not None and region in regions):
            return Decision(True, "in-policy")
        return Decision(False, "not-in-policy")

    def actions_of(self, role: Role) -> list[Action]:
        """Return the actions that a role may do in some region, for pages and documents."""
        return [action for action in ACTIONS if self.roles.get(role, {}).get(action)]

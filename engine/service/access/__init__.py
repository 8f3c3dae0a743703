"""Access: tokens, the policy table, and the sender where no tokens are asked for."""

from maskwright.engine.service.access.actor import (
    ACTIONS,
    ANYONE,
    LOCAL,
    ROLES,
    Action,
    Actor,
    Role,
    anonymous_actor,
    is_loopback,
)
from maskwright.engine.service.access.new_token import NewToken, new_token
from maskwright.engine.service.access.policy import Decision, Policy
from maskwright.engine.service.access.tokens import Refusal, TokenFile, Tokens

__all__ = [
    "ACTIONS",
    "ANYONE",
    "LOCAL",
    "ROLES",
    "Action",
    "Actor",
    "Decision",
    "NewToken",
    "Policy",
    "Refusal",
    "Role",
    "TokenFile",
    "Tokens",
    "anonymous_actor",
    "is_loopback",
    "new_token",
]

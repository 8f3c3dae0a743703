"""Who may do what: tokens, the policy table, and whether a server may start at an address."""

from maskwright.engine.service.access.actor import ACTIONS, ANYONE, LOCAL, ROLES, Action, Actor, Role
from maskwright.engine.service.access.new_token import NewToken, new_token
from maskwright.engine.service.access.policy import Decision, Policy
from maskwright.engine.service.access.start import actor_without_tokens, is_loopback, may_start
from maskwright.engine.service.access.tokens import Refusal, Tokens

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
    "Tokens",
    "actor_without_tokens",
    "is_loopback",
    "may_start",
    "new_token",
]

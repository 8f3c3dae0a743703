"""The action of each route, marked on its function and collected into the authorization table when the server starts.

::

    @router.post("/{session}/prompts")
    @action("prompt")
    async def prompt(...)

A route without an action stops the start.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from fastapi.routing import iter_route_contexts
from starlette.routing import BaseRoute, Mount, Route, compile_path

from maskwright.engine.service.access import ACTIONS, Action
from maskwright.errors import ConfigError

OPEN: Literal["open"] = "open"
"""The action of a route that anybody may use, without a token."""
_MARK = "maskwright_rule"

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Rule:
    """The rule of a route.

    Attributes
    ----------
    action : str
        The action that the policy must allow, or ``OPEN``.
    quiet : bool
        A good answer is neither an event nor a line of the log: a sign of life, a file of the page.
    large : bool
        The body may hold ``body_bytes`` of the limits, not only the few MiB of JSON.
    untimed : bool
        An answer may take longer than ``request_s`` of the limits.
    """

    action: Action | Literal["open"]
    quiet: bool = False
    large: bool = False
    untimed: bool = False

    def is_act(self, method: str) -> bool:
        """Tell whether a request of this method may change something that outlives it."""
        return self.action not in (OPEN, "compare") and not self.quiet and method not in ("GET", "HEAD", "OPTIONS")


@dataclass(frozen=True)
class RouteRule:
    """One row of the authorization table: methods, the pattern of a path, and their rule."""

    methods: frozenset[str]
    path: re.Pattern[str]
    rule: Rule


def action(
    name: Action | Literal["open"], *, quiet: bool = False, large: bool = False, untimed: bool = False
) -> Callable[[F], F]:
    """Mark the function of a route with its action; see ``Rule`` for the flags.

    Raises
    ------
    ConfigError
        There is no such action.
    """
    if name != OPEN and name not in ACTIONS:
        raise ConfigError(f"action {name!r}: expected one of {', '.join((OPEN, *ACTIONS))}")

    def mark(function: F) -> F:
        setattr(function, _MARK, Rule(name, quiet, large, untimed))
        return function

    return mark


def route_rules(routes: Sequence[BaseRoute]) -> tuple[RouteRule, ...]:
    """Return the authorization table of an app's routes, in the order in which the router tries them.

    Raises
    ------
    ConfigError
        A route has no action, or is of a kind that cannot have one (a websocket, a mounted app without routes).
    """
    return tuple(_rows(routes, ""))


def _rows(routes: Sequence[BaseRoute], prefix: str) -> Iterator[RouteRule]:
    for context in iter_route_contexts(routes):
        route = context.original_route
        path = f"{prefix}{context.path}"
        if isinstance(route, Mount) and route.routes:
            yield from _rows(route.routes, path)
            continue
        rule = getattr(route.endpoint, _MARK, None) if isinstance(route, Route) else None
        if not isinstance(route, Route) or not isinstance(rule, Rule):
            methods = "|".join(sorted(getattr(route, "methods", None) or ["any"]))
            raise ConfigError(f"the route {methods} {path} has no action: mark its function with @action(...)")
        yield RouteRule(frozenset(route.methods or ()), compile_path(path)[0], rule)

"""The policy: the whole table as it is shipped, and no action beside it."""

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from maskwright.engine.service.access import ACTIONS, ANYONE, LOCAL, ROLES, Action, Actor, Policy, Role
from maskwright.errors import ConfigError

# Written out once more, so that a change of the shipped table is a change of two files.
SHIPPED: dict[Role, str] = {
    #            read_image prompt read_label save_label compare run_qa read_audit administer
    "viewer": "         y      n          y          n       y      n          n          n",
    "annotator": "      y      y          y          y       y      n          n          n",
    "reviewer": "       y      y          y          y       y      y          n          n",
    "admin": "          y      y          y          y       y      y          y          y",
}
REGIONS = (None, "eu-central", "us-east")


@pytest.mark.parametrize("role", ROLES)
def test_the_shipped_table(role: Role) -> None:
    policy = Policy.read()
    given_now = {action: policy.allows(Actor("a", role), action, None).allowed for action in ACTIONS}
    assert given_now == {action: answer == "y" for action, answer in zip(ACTIONS, SHIPPED[role].split())}
    assert policy.actions_of(role) == [action for action in ACTIONS if given_now[action]]


def test_there_is_no_role_or_action_beside_the_table() -> None:
    assert set(ROLES) == set(SHIPPED)
    assert len(ACTIONS) == 8


@pytest.mark.parametrize(("token", "datastore"), list(itertools.product(REGIONS, REGIONS)))
@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("action", ACTIONS)
def test_regions_must_be_the_same(role: Role, action: Action, token: str | None, datastore: str | None) -> None:
    decision = Policy.read().allows(Actor("a", role, token), action, datastore)
    if token != datastore:
        assert (decision.allowed, decision.reason) == (False, "wrong-region")
    else:
        assert decision.allowed == (SHIPPED[role].split()[ACTIONS.index(action)] == "y")
        assert decision.reason == ("in-policy" if decision.allowed else "not-in-policy")


@pytest.mark.parametrize("actor", [LOCAL, ANYONE])
def test_where_no_tokens_are_everything_is_allowed(actor: Actor) -> None:
    policy = Policy(roles={})
    assert all(policy.allows(actor, action, region).allowed for action in ACTIONS for region in REGIONS)
    assert not policy.allows(actor, "erase", None).allowed  # type: ignore[arg-type]


def test_a_named_region_is_that_region_alone(tmp_path: Path) -> None:
    (tmp_path / "service.toml").write_text('[policy.viewer]\nread_image = ["eu-central"]\ncompare = []')
    policy = Policy.read(tmp_path / "service.toml")
    for region in REGIONS:
        actor = Actor("a", "viewer", region)
        assert policy.allows(actor, "read_image", region).allowed == (region == "eu-central")
        assert not policy.allows(actor, "compare", region).allowed
        assert not policy.allows(Actor("a", "admin", region), "read_image", region).allowed


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nobody could do anything"),
        ("policy = 3", "expected a valid dictionary"),
        ("[polcy.viewer]\ncompare = ['*']", "unknown key 'polcy'"),
        ("[policy.owner]\ncompare = ['*']", "unknown key 'owner'"),
        ("[policy.viewer]\ncompere = ['*']", "unknown key 'compere'"),
        ("[policy]\nviewer = 'all'", "expected a valid dictionary"),
        ("[policy.viewer]\ncompare = '*'", "expected a valid list"),
        ("[policy.viewer]\ncompare = true", "expected a valid list"),
        ("[policy.viewer]\ncompare = ['**']", "should match"),
        ("[policy.viewer]\ncompare = ['']", "should match"),
        ("[policy.viewer]\ncompare = [['*']]", "expected a valid string"),
        ("[policy.viewer", "not valid TOML"),
    ],
)
def test_a_wrong_policy_is_refused_by_name(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as caught:
        Policy.read(path)
    assert says in str(caught.value)
    assert "mine.toml" in str(caught.value)


def test_a_missing_file_allows_nothing(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"mine\.toml"):
        Policy.read(tmp_path / "mine.toml")


regions = st.sampled_from(["eu-central", "us-east", "a"])
tables = st.dictionaries(
    st.sampled_from(ROLES),
    st.dictionaries(st.sampled_from(ACTIONS), st.lists(st.one_of(st.just("*"), regions), max_size=3)),
)
words = st.one_of(st.sampled_from([*ACTIONS, *ROLES, "*", ""]), st.text(max_size=8))


@given(
    tables,
    st.one_of(st.sampled_from(ROLES), words),
    st.one_of(st.sampled_from(ACTIONS), words),
    st.one_of(st.none(), regions, words),
    st.one_of(st.none(), regions, words),
)
def test_no_actor_gains_an_action_beside_the_table(
    table: dict[Role, dict[Action, list[str]]], role: str, action: str, token: str | None, datastore: str | None
) -> None:
    actor = Actor("a", role, token)  # type: ignore[arg-type]
    decision = Policy(roles=table).allows(actor, action, datastore)  # type: ignore[arg-type]
    where = table.get(role, {}).get(action, [])
    stands = "*" in where or (datastore is not None and datastore in where)
    assert decision.allowed == (stands and token == datastore)
    assert decision.allowed == (decision.reason == "in-policy")


@given(tables, st.sampled_from(ROLES), st.sampled_from(ACTIONS), st.one_of(st.none(), regions))
def test_a_policy_is_read_as_written(
    tmp_path_factory: pytest.TempPathFactory,
    table: dict[Role, dict[Action, list[str]]],
    role: Role,
    action: Action,
    region: str | None,
) -> None:
    path = tmp_path_factory.getbasetemp() / "written.toml"
    lines = [f"policy.{one}.{other} = {where!r}" for one, row in table.items() for other, where in row.items()]
    path.write_text("policy = {}" if not lines else "\n".join(lines))
    actor = Actor("a", role, region)
    assert Policy.read(path).allows(actor, action, region) == Policy(roles=table).allows(actor, action, region)

"""One user cannot take every session: a share of the capacity for each token, none where there are no tokens."""

import asyncio
from contextlib import asynccontextmanager

import httpx
import numpy as np
import pytest

import maskwright as mw
from maskwright.engine.service.access import new_token
from maskwright.engine.service.app import Settings, create_app
from maskwright.engine.service.budget.limits import SHIPPED
from maskwright.engine.volume import Volume

USERS = ("ann", "bob")


@pytest.fixture
def settings(tmp_path):
    """Settings of a server with three sessions, two of them for one user, and the secrets of two users."""
    (tmp_path / "data").mkdir()
    mw.write(Volume(np.zeros((4, 8, 8), np.float32), np.eye(4)), tmp_path / "data" / "a.nii.gz")
    tokens = {name: new_token(name, "annotator", None) for name in USERS}
    (tmp_path / "tokens.toml").write_text("\n".join(token.entry for token in tokens.values()))
    (tmp_path / "tokens.toml").chmod(0o600)
    policy = SHIPPED.read_text().partition("[limits]")[0]
    (tmp_path / "service.toml").write_text(f"{policy}[limits]\nsessions = 3\nsessions_per_user = 2\n")
    given = {"data": tmp_path / "data", "config": tmp_path / "service.toml", "ephemeral": True}
    return given, tmp_path / "tokens.toml", {name: tokens[name].secret for name in USERS}


@asynccontextmanager
async def client(app):
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1") as asking:
        yield asking


async def begin(page, prompts, secret):
    """Begin a session of the page and one of nnInteractive, and return the statuses."""
    headers = {"Authorization": f"Bearer {secret}"}
    image = next(iter((await page.get("/datastore/", headers=headers)).json()["objects"]))
    answers = [
        await page.post("/api/v1/sessions", json={"image": image}, headers=headers),
        await prompts.post("/claim", headers=headers),
    ]
    return [answer.status_code for answer in answers]


async def statuses(settings, secrets):
    app = create_app(settings)
    async with app.router.lifespan_context(app), client(app) as page, client(app.state.nninteractive) as prompts:
        return [await begin(page, prompts, secret) for secret in secrets]


def test_a_user_has_a_share(settings):
    given, token_file, secrets = settings
    ann, bob = (secrets[name] for name in USERS)
    found = asyncio.run(statuses(Settings(**given, token_file=token_file), [ann, ann, ann, bob, bob]))
    assert found == [[200, 200], [200, 200], [503, 503], [200, 200], [503, 503]]


def test_without_tokens_there_are_no_shares(settings):
    found = asyncio.run(statuses(Settings(**settings[0]), [""] * 4))
    assert found == [[200, 200]] * 3 + [[503, 503]]

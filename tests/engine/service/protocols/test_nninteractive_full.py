"""A session of nnInteractive's that there is no room for is empty afterwards, on disk and in the budget."""

import httpx
import numpy as np

from maskwright.engine.service.budget.budget import Budget
from maskwright.engine.service.images.shared_images import SharedImages
from maskwright.engine.service.protocols.nninteractive.packed_array import pack_array
from maskwright.engine.service.protocols.nninteractive.remote_session import RemoteSession, restore_remote_session
from maskwright.engine.service.sessions.journal import Recovery, SessionJournals
from maskwright.engine.service.sessions.leases import LeasePolicy, Leases
from maskwright.engine.service.sessions.queue import SessionQueues
from support.serving import nninteractive_app, served


def test_image_without_room_empties_its_session(tmp_path):
    images, memory = SharedImages(), Budget(3000)
    recovery = Recovery(SessionJournals(tmp_path, 60), restore_remote_session)
    pool = Leases(RemoteSession, LeasePolicy(), memory, SessionQueues(), recovery)
    with served(nninteractive_app(pool, images)) as address, httpx.Client(base_url=address) as client:
        client.headers["X-Lease-Token"] = client.post("/claim").json()["lease_token"]
        small, large = (np.zeros((1, 4, 16, side), np.uint8) for side in (16, 32))
        assert client.post("/set_image", content=pack_array(small)).status_code == 200
        assert len([*tmp_path.glob("*.journal")]) == 1
        assert memory.used_bytes == 2 * small.size
        assert client.post("/set_image", content=pack_array(large)).status_code == 503
        assert client.post("/predict").status_code == 200
        point = client.post("/add_point_interaction", json={"coordinates": [0, 0, 0]})
        assert point.status_code == 422
        assert "no image" in point.json()["detail"]
        assert [*tmp_path.iterdir()] == []  # else the image of before would be there again after a restart
        assert memory.used_bytes == 0
        assert client.post("/set_image", content=pack_array(small)).status_code == 200

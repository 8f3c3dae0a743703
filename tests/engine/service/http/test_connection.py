"""Connections end where headers do not come or an answer is not read; this fails where uvicorn changes underneath."""

import asyncio
import contextlib
import socket
import threading
import time

import httpx
import uvicorn

from maskwright.engine.service.http.connection import timed_protocol


async def slow(scope, receive, send):
    await asyncio.sleep(0.6)
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
    await send({"type": "http.response.body", "body": b""})


@contextlib.contextmanager
def serving(app, stall_s):
    config = uvicorn.Config(app, port=0, lifespan="off", log_config=None, http=timed_protocol(stall_s))
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()
    finally:
        server.should_exit = True
        thread.join(10)


def test_missing_headers_end_the_connection_and_slow_answers_do_not():
    with serving(slow, 0.3) as at, httpx.Client(base_url=f"http://127.0.0.1:{at[1]}") as client:
        for _ in range(2):  # the second one on the same connection
            assert client.get("/").status_code == 200
        for sent in (b"", b"GET / HTTP/1.1\r\nHost: x\r\n"):
            with socket.create_connection(at, timeout=5) as connection:
                start = time.monotonic()
                connection.sendall(sent)
                assert connection.recv(10) == b""
                assert 0.2 < time.monotonic() - start < 2
        with socket.create_connection(at, timeout=5) as connection:  # a header a moment is no better
            start = time.monotonic()
            connection.sendall(b"GET / HTTP/1.1\r\n")
            with contextlib.suppress(OSError):
                while time.monotonic() - start < 3:
                    connection.sendall(b"X: y\r\n")
                    time.sleep(0.05)
            assert time.monotonic() - start < 2
        assert client.get("/").status_code == 200


def test_an_answer_that_is_not_read_ends_the_connection():
    ended = threading.Event()

    async def large(scope, receive, send):
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for _ in range(200):
            await send({"type": "http.response.body", "body": bytes(1 << 18), "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        ended.set()

    with serving(large, 0.3) as at, socket.socket() as reader:
        reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        reader.connect(at)
        reader.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        assert reader.recv(12) == b"HTTP/1.1 200"
        assert ended.wait(10)  # without the clock it waits for the reader
        assert len(b"".join(iter(lambda: reader.recv(1 << 20), b""))) < 200 << 18
        assert httpx.get(f"http://127.0.0.1:{at[1]}/", timeout=30).status_code == 200

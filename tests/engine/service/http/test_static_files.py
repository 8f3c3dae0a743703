"""The page's files: listed once, never anything else, and always as they are on the disk."""

import os

import httpx
import pytest
from fastapi import FastAPI

from maskwright.engine.io.formats import UPLOAD_SUFFIXES
from maskwright.engine.service.http import static_files
from maskwright.engine.service.http.problems import answer_with_problems
from maskwright.engine.service.http.static_files import page_router
from support.serving import served


@pytest.fixture
def page(tmp_path, monkeypatch):
    """A page of three files in a folder of its own, and a client of it."""
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "index.html").write_text("<p>one</p>")
    (folder / "page.js").write_text("one")
    (folder / "assets" / "big.js").write_text("big")
    (folder / "notes.txt").write_text("no part of the page")
    (tmp_path / "secret.js").write_text("secret")
    monkeypatch.setattr(static_files, "FOLDER", folder)
    app = FastAPI()
    answer_with_problems(app)
    app.include_router(page_router())
    with served(app) as address, httpx.Client(base_url=address) as client:
        yield folder, client


def test_a_file_that_changes_is_sent_anew_and_else_not(page):
    folder, client = page
    for address, name in (("/", "index.html"), ("/page/page.js", "page.js"), ("/page/assets/big.js", "assets/big.js")):
        first = client.get(address)
        assert (first.status_code, first.content) == (200, (folder / name).read_bytes())
        tag = first.headers["etag"]
        for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            again = client.get(address, headers={"If-None-Match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert again.headers["cache-control"] == "no-cache"
            assert again.headers["content-security-policy"] == first.headers["content-security-policy"]
        (folder / name).write_text("two and more")
        changed = client.get(address, headers={"If-None-Match": tag})
        assert (changed.status_code, changed.text) == (200, "two and more")
        assert changed.headers["etag"] != tag
        before = (folder / name).stat()
        (folder / name).write_text("two or  more")  # of the same length, a moment later
        os.utime(folder / name, ns=(before.st_atime_ns, before.st_mtime_ns + 1_000_000))
        once_more = client.get(address, headers={"If-None-Match": changed.headers["etag"]})
        assert (once_more.status_code, once_more.text) == (200, "two or  more")


def test_the_suffixes_of_uploads_are_those_of_the_table(page):
    assert page[1].get("/page/upload-suffixes.json").json() == list(UPLOAD_SUFFIXES)


def test_only_listed_files_are_served(page):
    folder, client = page
    (folder / "new.js").write_text("new")
    for name in (
        "new.js",
        "notes.txt",
        "assets",
        "",
        "%2e%2e%2fsecret.js",
        "%2e%2e/secret.js",
        "assets%2f%2e%2e%2fpage.js",
        "assets%2f%2e%2e%2fnone.js",
    ):
        assert client.get(f"/page/{name}").status_code == 404, name
    (folder / "page.js").unlink()
    assert client.get("/page/page.js").status_code == 404
    (folder / "page.js").mkdir()
    assert client.get("/page/page.js").status_code == 404
    assert client.get("/page/page.js").headers["content-type"] == "application/problem+json"


def test_the_folder_is_not_listed_for_a_request(page, monkeypatch):
    _, client = page

    def listed(*_):
        raise AssertionError("listed")

    monkeypatch.setattr(static_files.Path, "rglob", listed)
    assert client.get("/page/page.js").status_code == 200
    assert client.get("/page/none.js").status_code == 404

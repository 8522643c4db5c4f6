"""The outbox: files that survive anything, and a page that shows what readers would see."""

from __future__ import annotations

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from html.parser import HTMLParser
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest

from publisher.channels import ChannelContext
from publisher.channels.buttondown import Buttondown
from publisher.channels.linkedin import LinkedIn
from publisher.channels.outbox import Outbox
from publisher.channels.testing import KEY, a_message
from publisher.channels.x import X
from publisher.model import Image, RecoveryKind
from publisher.model.errors import ConfigError, NotDelivered

NAME = KEY[:16]
PNG = b"\x89PNG\r\n\x1a\n and more"


def open_outbox(state_dir: Path, *, name: str = "outbox", **options: Any) -> Outbox:
    context = ChannelContext(
        name=name, site="Workbench", site_url="https://example.org", state_dir=state_dir
    )
    return Outbox(options, context)


def a_key(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def page_of(state_dir: Path) -> str:
    return (state_dir / "outbox" / "index.html").read_text(encoding="utf-8")


class Tags(HTMLParser):
    """The elements of a page, and the words outside of them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


# --- files


def test_an_announcement_is_one_json_file(tmp_path: Path) -> None:
    image = Image(url="https://example.org/p.jpg", path=None, alt="A workbench")
    outbox = open_outbox(tmp_path, name="news", shape="newsletter")

    outbox.send(a_message(text="Six steps.", html="<p>Six</p>", image=image), key=KEY, draft=None)

    assert json.loads((tmp_path / "outbox" / f"{NAME}.json").read_text(encoding="utf-8")) == {
        "channel": "news",
        "key": KEY,
        "shape": "newsletter",
        "site": "Workbench",
        "site_url": "https://example.org",
        "text": "Six steps.",
        "length": 10,
        "limit": None,
        "subject": "The Pattern That Prevents Chaos",
        "html": "<p>Six</p>",
        "link": "https://example.org/blog/pattern",
        "title": "The Pattern That Prevents Chaos",
        "description": "Six steps & no chaos",
        "image": "https://example.org/p.jpg",
        "image_file": None,
        "alt": "A workbench",
    }


def test_a_repeat_writes_the_same_bytes(tmp_path: Path) -> None:
    outbox = open_outbox(tmp_path)
    outbox.send(a_message(), key=KEY, draft=None)
    before = {path.name: path.read_bytes() for path in (tmp_path / "outbox").iterdir()}

    outbox.send(a_message(), key=KEY, draft=None)

    after = {path.name: path.read_bytes() for path in (tmp_path / "outbox").iterdir()}
    assert after == before
    assert sorted(after) == [f"{NAME}.json", "index.html"]


def test_the_receipt_points_at_the_place_on_the_page(tmp_path: Path) -> None:
    receipt = open_outbox(tmp_path).send(a_message(), key=KEY, draft=None)

    page = tmp_path / "outbox" / "index.html"
    assert receipt.remote_id == NAME
    assert receipt.remote_url == f"{page.as_uri()}#{NAME}"
    assert f'id="{NAME}"' in page.read_text(encoding="utf-8")


def test_the_folder_can_be_elsewhere(tmp_path: Path) -> None:
    open_outbox(tmp_path / "state", folder=str(tmp_path / "out")).send(
        a_message(), key=KEY, draft=None
    )

    assert (tmp_path / "out" / "index.html").exists()


def test_an_image_is_kept_beside_the_page(tmp_path: Path) -> None:
    image = Image(url="https://example.org/p.png", path="p.png", alt="A workbench")
    message = a_message(image=image, image_bytes=PNG)

    open_outbox(tmp_path, shape="x").send(message, key=KEY, draft=None)

    assert (tmp_path / "outbox" / f"{NAME}.png").read_bytes() == PNG
    assert Tags(page_of(tmp_path)).all("img")[0]["src"] == f"{NAME}.png"


def test_a_folder_that_cannot_be_written_is_not_delivered(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file where the folder should be")

    with pytest.raises(NotDelivered, match="outbox"):
        open_outbox(tmp_path).send(a_message(), key=KEY, draft=None)


def test_a_foreign_or_broken_file_stops_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "outbox"
    folder.mkdir()
    (folder / "package.json").write_text('{"name": "something else"}')
    (folder / "list.json").write_text("[1, 2]")
    (folder / "broken.json").write_bytes(b'{"channel": "x\xff')

    open_outbox(tmp_path).send(a_message(), key=KEY, draft=None)

    assert len(Tags(page_of(tmp_path)).all("article")) == 1


def test_a_repeat_is_harmless_for_ever(tmp_path: Path) -> None:
    recovery = open_outbox(tmp_path).recovery

    assert recovery.kind is RecoveryKind.KEY
    assert recovery.key_life is None


WRITER = """
import sys
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from publisher.channels import ChannelContext
from publisher.channels.outbox import Outbox
from publisher.channels.testing import a_message

name, state = sys.argv[1:]
context = ChannelContext(
    name=name, site="s", site_url="https://example.org", state_dir=Path(state)
)
outbox = Outbox({}, context)
for number in range(15):
    key = sha256(f"{name}{number}".encode()).hexdigest()
    outbox.send(a_message(), key=key, draft=None)
"""


def test_two_processes_never_tear_the_page_and_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", WRITER]
    writers = [subprocess.Popen([*command, name, str(tmp_path)]) for name in ("one", "two")]
    page = tmp_path / "outbox" / "index.html"
    torn = 0
    while any(writer.poll() is None for writer in writers):
        torn += page.exists() and not page.read_text(encoding="utf-8").endswith("</html>")

    assert [writer.wait() for writer in writers] == [0, 0]
    assert torn == 0
    assert len(Tags(page_of(tmp_path)).all("article")) == 30
    assert not list((tmp_path / "outbox").glob(".publisher-*"))


def test_announcements_of_the_same_moment_are_all_on_the_page(tmp_path: Path) -> None:
    start = Barrier(40)

    def send(number: int) -> None:
        start.wait()
        open_outbox(tmp_path).send(a_message(), key=a_key(str(number)), draft=None)

    with ThreadPoolExecutor(40) as threads:
        list(threads.map(send, range(40)))

    assert len(Tags(page_of(tmp_path)).all("article")) == 40


# --- shapes


def test_a_shape_has_the_limits_of_what_it_stands_for() -> None:
    text = "Grüße 🐢 [x] https://example.org/a-rather-long-address-that-counts-23"

    x, linkedin = Outbox.limits_for({"shape": "x"}), Outbox.limits_for({"shape": "linkedin"})

    assert (x.length, x.count(text)) == (X.limits.length, X.limits.count(text))
    assert (linkedin.length, linkedin.count(text)) == (3000, LinkedIn.limits.count(text))
    assert Outbox.limits_for({"shape": "newsletter"}) == Buttondown.limits
    assert Outbox.limits_for({}).length is None


def test_a_rehearsal_costs_nothing() -> None:
    assert Outbox.limits_for({"shape": "x"}).cost_usd is None


def test_only_the_newsletter_shape_speaks_markdown() -> None:
    assert Outbox.template_for({"shape": "newsletter"}) == Buttondown.template
    assert Outbox.subject_for({"shape": "newsletter"}) == "{{ post.title }}"
    assert Outbox.template_for({}) == Outbox.template
    assert Outbox.subject_for({"shape": "x"}) == ""


def test_an_instance_has_the_limits_of_its_shape(tmp_path: Path) -> None:
    assert open_outbox(tmp_path, shape="x").limits == Outbox.limits_for({"shape": "x"})


def test_an_unknown_shape_names_the_known_ones(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="linkedin, newsletter, plain, x"):
        open_outbox(tmp_path, shape="toot")


# --- the page


@pytest.mark.parametrize("shape", ["plain", "x", "linkedin", "newsletter"])
def test_markup_in_a_message_is_text(tmp_path: Path, shape: str) -> None:
    evil = "<script>alert(1)</script><img src=x onerror=alert(1)> \"'&"
    image = Image(url="javascript:alert(1)", path=None, alt=evil)
    message = a_message(
        text=evil, title=evil, subject=evil, description=evil, link=evil, image=image
    )

    open_outbox(tmp_path, name=evil, shape=shape).send(message, key=KEY, draft=None)

    page = Tags(page_of(tmp_path))
    assert page.all("script") == page.all("img") == page.all("a") == []
    assert evil in page.words


def test_a_mail_lives_in_a_sandboxed_frame(tmp_path: Path) -> None:
    message = a_message(html='<script>alert(1)</script><p class="x">Six & more</p>')

    open_outbox(tmp_path, shape="newsletter").send(message, key=KEY, draft=None)

    page = Tags(page_of(tmp_path))
    frame = page.all("iframe")[0]
    assert page.all("script") == []
    assert frame["sandbox"] is None  # present and without any permission
    assert (frame["srcdoc"] or "").endswith('<script>alert(1)</script><p class="x">Six & more</p>')


def test_the_page_may_run_no_script(tmp_path: Path) -> None:
    open_outbox(tmp_path).send(a_message(), key=KEY, draft=None)

    policy = next(meta for meta in Tags(page_of(tmp_path)).all("meta") if "http-equiv" in meta)
    assert policy["http-equiv"] == "Content-Security-Policy"
    assert (policy["content"] or "").startswith("default-src 'none'; style-src")


def test_links_in_a_text_are_links_without_the_full_stop(tmp_path: Path) -> None:
    message = a_message(text='See https://example.org/a?b=1&c="2. #jigs')

    open_outbox(tmp_path, shape="x").send(message, key=KEY, draft=None)

    page = Tags(page_of(tmp_path))
    assert {"href": "https://example.org/a?b=1&c=", "rel": "noreferrer"} in page.all("a")
    assert {"class": "mark"} in page.all("span")


def test_the_count_of_the_service_is_shown(tmp_path: Path) -> None:
    message = a_message(text="https://example.org/" + "long" * 20)

    open_outbox(tmp_path, shape="x").send(message, key=KEY, draft=None)

    assert "23 / 280" in Tags(page_of(tmp_path)).words


def test_a_text_over_the_limit_is_marked(tmp_path: Path) -> None:
    open_outbox(tmp_path, shape="x").send(a_message(text="x" * 281), key=KEY, draft=None)

    assert Tags(page_of(tmp_path)).all("article")[0]["class"] == "x over"


def test_announcements_are_grouped_by_post_and_ordered_by_channel(tmp_path: Path) -> None:
    first, second = "https://example.org/a", "https://example.org/b"

    open_outbox(tmp_path, name="x").send(a_message(link=second), key=a_key("1"), draft=None)
    open_outbox(tmp_path, name="x").send(a_message(link=first), key=a_key("2"), draft=None)
    open_outbox(tmp_path, name="mail").send(a_message(link=second), key=a_key("3"), draft=None)

    page = Tags(page_of(tmp_path))
    keys = [article["id"] for article in page.all("article")]
    assert keys == [a_key("2")[:16], a_key("3")[:16], a_key("1")[:16]]
    assert len(page.all("section")) == 2


def test_a_letter_without_utf8_form_stops_nothing(tmp_path: Path) -> None:
    open_outbox(tmp_path).send(a_message(title="half \ud83d"), key=KEY, draft=None)

    assert "half ?" in page_of(tmp_path)

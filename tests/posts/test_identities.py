"""Names of posts: of any file, distinct, and the same for ever once the ledger has them."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from publisher.model import Post, PostId
from publisher.posts.identities import LENGTH, id_of, with_distinct_ids
from tests.factories import a_post


def named(*paths: str, known: Mapping[str, str] | None = None) -> dict[str, str]:
    posts = [post_at(path) for path in paths]
    ledger = {path: PostId(name) for path, name in (known or {}).items()}
    return {post.path: post.id for post in with_distinct_ids(posts, ledger)}


def post_at(path: str) -> Post:
    return a_post(id_of(path.rpartition("/")[2].removesuffix(".md")), path=path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("v1.2-released", "v1.2-released"),
        ("CamelCase_2", "CamelCase_2"),
        ("2027-03-09-door", "2027-03-09-door"),
        ("你好-世界", "你好-世界"),
        ("Über uns", "Über-uns"),
        ("what's new (2)", "what-s-new-2"),
        ("c++", "c"),
        ("x; rm -rf ~", "x-rm-rf"),
        ("-v", "v"),
        ("cafe\u0301", "caf\u00e9"),
    ],
)
def test_id_is_made_of_any_name(name: str, expected: str) -> None:
    assert id_of(name) == expected


@pytest.mark.parametrize("name", ["🎉", "???", "x" * 200, "文" * 120])
def test_id_is_found_for_a_name_without_words_or_too_long(name: str) -> None:
    assert 0 < len(id_of(name)) <= LENGTH
    assert id_of(name) != id_of(name + "!?")[:5]


def test_posts_of_one_name_are_told_apart_by_their_folders() -> None:
    assert named("de/door.md", "en/door.md", "en/lamp.md") == {
        "de/door.md": "de-door",
        "en/door.md": "en-door",
        "en/lamp.md": "lamp",
    }


def test_folders_that_are_alike_themselves_tell_nothing_apart() -> None:
    assert named("de/2027/door.md", "en/2027/door.md") == {
        "de/2027/door.md": "de-2027-door",
        "en/2027/door.md": "en-2027-door",
    }


def test_post_that_the_ledger_knows_keeps_its_name() -> None:
    assert named("de/door.md", "en/door.md", known={"en/door.md": "door"}) == {
        "de/door.md": "de-door",
        "en/door.md": "door",
    }


def test_post_that_was_told_apart_keeps_its_name_when_the_other_is_gone() -> None:
    assert named("en/door.md", known={"en/door.md": "en-door"}) == {"en/door.md": "en-door"}


def test_renamed_post_that_is_alone_keeps_its_plain_name() -> None:
    assert named("new/door.md", known={"old/door.md": "door"}) == {"new/door.md": "door"}


def test_file_in_error_keeps_its_name() -> None:
    (post,) = with_distinct_ids(
        [post_at("en/door.md")], {"de/door.md": PostId("door")}, unreadable=["de/door.md"]
    )

    assert post.id == "en-door"


def test_name_made_of_a_folder_is_not_that_of_another_post() -> None:
    names = named("de/door.md", "en/door.md", "de-door.md")

    assert names["de-door.md"] == "de-door"
    assert len(set(names.values())) == 3


def test_names_that_are_one_word_in_one_folder_are_told_apart() -> None:
    posts = [a_post(id_of(name), path=f"{name}.md") for name in ("a b", "a-b", "a?b")]

    assert len({post.id for post in with_distinct_ids(posts, {})}) == 3


def test_id_that_a_file_says_stays() -> None:
    own = a_post("door", path="de/door.md", has_own_id=True)

    found = with_distinct_ids([post_at("en/door.md"), own], {})

    assert [post.id for post in found] == ["en-door", "door"]

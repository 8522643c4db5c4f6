"""What each generator's frontmatter says about state and date, and how a post's state is read.

``jobs.yaml`` may override every key and value; the order of ``date_keys`` is their precedence,
and the key ``reveal`` comes before all of them. ``staged`` is what keeps a page under embargo out
of lists, feeds, sitemap and search, as far as the generator lets a page say that.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any
from unicodedata import normalize

from publisher.model import PostState
from publisher.model.errors import PublisherError
from publisher.model.settings import Keys, Preset

_WORDS = {state: state.value for state in PostState}
_DRAFT_FLAG = {PostState.DRAFT: True, PostState.SCHEDULED: True, PostState.PUBLISHED: False}
_PUBLIC_FLAG = {PostState.DRAFT: False, PostState.SCHEDULED: False, PostState.PUBLISHED: True}
_DRAFT_WORD = {
    PostState.DRAFT: "draft",
    PostState.SCHEDULED: "draft",
    PostState.PUBLISHED: "published",
}
_OF_THEMES = ("pubDate", "pubDatetime", "publishDate", "publishedAt")  # keys of dates
_NOINDEX = {"name": "robots", "content": "noindex"}

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="vitepress",
                keys=Keys(date=("date", *_OF_THEMES)),
                public=("public", "docs/public", "src/public", "static"),
                state_key="status",
                values=_WORDS,
                missing=PostState.PUBLISHED,
                explicit=True,
                blocks=True,
                output=".vitepress/dist",
                rebuild=("npm", "run", "build"),
                # of VitePress's local search; `head` for hosts that build the deploy branch
                staged={"search": False, "head": [["meta", dict(_NOINDEX)]]},
                data="publisher.json",
            ),
            Preset(
                name="hugo",
                public=("static", "assets"),
                post_url="/{path}/",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                keys=Keys(date=("publishDate",)),  # Hugo's `date` is when the page was made
                explicit=False,
                output="public",
                rebuild=("hugo", "--buildFuture", "--cleanDestinationDir"),
                staged={"draft": False, "build": {"list": "never"}},
                data="data/publisher.json",
                withholds=("publishDate", "date"),
            ),
            Preset(
                name="jekyll",
                public=("",),
                post_url="/{year}/{month}/{day}/{slug}.html",
                state_key="published",
                values=_PUBLIC_FLAG,
                missing=PostState.PUBLISHED,
                explicit=False,
                output="_site",
                rebuild=("jekyll", "build", "--future"),  # by Bundler where there is a Gemfile
                # jekyll-sitemap looks at `sitemap`, jekyll-paginate at `hidden`, jekyll-feed and
                # many themes at `draft`.
                staged={"published": True, "sitemap": False, "draft": True, "hidden": True},
                data="_data/publisher.json",
                withholds=("date",),
            ),
            Preset(
                name="astro",
                public=("public", "src/assets"),
                post_url="/{path}/",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                keys=Keys(date=(*_OF_THEMES, "date")),
                explicit=False,
                output="dist",
                rebuild=("npm", "run", "build"),
                staged={"draft": False, "embargoed": True},  # for the theme: Astro has no such word
                data="src/data/publisher.json",
            ),
            Preset(
                name="eleventy",
                keys=Keys(date=("date", *_OF_THEMES)),
                public=("public", "static", "src", ""),
                post_url="/{path}/",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                explicit=False,
                output="_site",
                rebuild=("npx", "@11ty/eleventy"),
                staged={"draft": False, "eleventyExcludeFromCollections": True},
                data="_data/publisher.json",
            ),
            Preset(
                name="mkdocs",
                public=("docs",),
                post_url="/blog/{year}/{month}/{day}/{slug}/",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                explicit=False,
                output="site",
                rebuild=("mkdocs", "build"),
                staged={"draft": False, "search": {"exclude": True}},
                data="publisher.json",
            ),
            Preset(
                name="pelican",
                public=("content",),
                post_url="/{slug}.html",
                state_key="status",
                values=_DRAFT_WORD,
                also={"hidden": PostState.PUBLISHED, "skip": PostState.DRAFT},
                missing=PostState.PUBLISHED,
                explicit=False,
                output="output",
                rebuild=("pelican", "content", "--delete-output-directory"),
                staged={"status": "hidden"},
                data="publisher.json",
            ),
            Preset(
                name="nikola",
                public=("files", "images", ""),
                post_url="/posts/{slug}/",
                state_key="status",
                values=_DRAFT_WORD,
                also={"featured": PostState.PUBLISHED, "private": PostState.PUBLISHED},
                missing=PostState.PUBLISHED,
                explicit=False,
                output="output",
                rebuild=("nikola", "build"),
                staged={"status": "private"},
                data="data/publisher.json",
                withholds=("date",),
            ),
        )
    }
)
DATED_NAMES = ("jekyll", "eleventy", "pelican")  # these read a date off the file's name
_OF_THE_FILE = ("Last Modified", "Created", "git Last Modified", "git Created")  # of Eleventy
HEADED = ("nikola", "pelican")  # these write posts with a header that is no frontmatter
_LETTERS = str.maketrans({"æ": "ae", "ø": "o", "œ": "oe", "ß": "ss", "þ": "th", "ð": "d", "ł": "l"})
_CASELESS = ("hugo", "pelican")  # `Status: draft` is as good as `status: draft` to these


def state_of(
    preset: Preset, frontmatter: Mapping[str, Any], *, has_date: bool, has_reveal: bool
) -> tuple[PostState, bool]:
    """Give the state that the frontmatter says, and whether it says it in so many words.

    Where drafts and scheduled posts share a value, a release date makes the difference; only the
    key ``reveal`` is as good as the word "scheduled" then.

    :raises PublisherError: for a value that is none of the preset's; it names those.
    """
    if preset.state_key not in frontmatter:
        return preset.missing, preset.explicit or has_reveal
    value = frontmatter[preset.state_key]
    states = {state for state, known in preset.values.items() if is_same(known, value)}
    if isinstance(value, str) and value in preset.also:
        states = {preset.also[value]}
    if not states:
        raise PublisherError(
            f"{preset.state_key}: {as_yaml(value)} is none of the values that say a post's state",
            hint=f"write {preset.state_key}: {' or '.join(_accepted(preset))}",
        )
    if PostState.PUBLISHED in states:
        return PostState.PUBLISHED, True
    if len(states) == 1:
        return states.pop(), True
    if has_date or has_reveal:
        return PostState.SCHEDULED, has_reveal
    return PostState.DRAFT, True


def misspelled(preset: Preset, frontmatter: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the keys that the generator understands in any case, and we in one; with that one."""
    if preset.name not in _CASELESS:
        return {}
    known = {key.lower(): key for key in (preset.state_key, *preset.date_keys)}
    return {
        key: known[key.lower()]
        for key in frontmatter
        if key.lower() in known and known[key.lower()] not in frontmatter
    }


def written(preset: Preset, frontmatter: Mapping[str, Any], key: str) -> str | None:
    """Give how a key that says something is written; some generators read any case."""
    is_caseless = preset.name in _CASELESS
    return next(
        (
            name
            for name, value in frontmatter.items()
            if (name.lower() == key.lower() if is_caseless else name == key)
            and value not in (None, "")
        ),
        None,
    )


def date_in(preset: Preset, value: Any) -> Any:
    """Give the date that a date key means; ``None`` where the file's own age is meant.

    MkDocs keeps several dates in one, ``created`` being it.
    """
    if preset.name == "mkdocs" and isinstance(value, dict):
        return value.get("created")
    if preset.name == "eleventy" and isinstance(value, str) and value in _OF_THE_FILE:
        return None
    return value


def slug_of(preset: Preset, *, given: str | None, title: str, name: str) -> str:
    """Make the last part of an address as the generator does: of a title, or a file's name.

    ``given`` is what the file says itself in ``slug``.
    """
    match preset.name:
        case "mkdocs":
            text = given or re.sub(r"\s", "-", _without_signs(title or name))
        case "pelican":
            text = given or _in_ascii(re.sub(r"[-\s]+", "-", _without_signs(title or name)))
        case "nikola":
            text = given or re.sub(r"[-\s]+", "-", _without_signs(_in_ascii(name)))
        case "hugo":
            text = re.sub(r"[^\w.+~%#-]", "", re.sub(r"\s+", "-", (given or name).lower()))
        case "astro":
            text = given or re.sub(r"\s", "-", re.sub(r"[^\w\s-]", "", name).lower())
        case "jekyll":
            text = re.sub(r"[^\w.~!$&'()+,;=@]+", "-", given or name).strip("-")
        case _:
            text = given or name
    return text or name


def _without_signs(text: str) -> str:
    return re.sub(r"[^\w\s-]", "", text).strip().lower()


def _in_ascii(text: str) -> str:
    plain = normalize("NFKD", text.translate(_LETTERS)).encode("ascii", "ignore").decode()
    return plain or text


def is_same(known: str | bool, value: object) -> bool:
    """Tell whether two state values are the same in type and content (1 is not true)."""
    return type(known) is type(value) and known == value


def as_yaml(value: object) -> str:
    """Write a frontmatter value as its author would."""
    if isinstance(value, bool):
        return str(value).lower()
    return "(empty)" if value is None or value == "" else str(value)[:60]


def _accepted(preset: Preset) -> list[str]:
    return list(dict.fromkeys(as_yaml(value) for value in preset.values.values()))

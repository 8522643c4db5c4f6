"""What each generator's frontmatter says about state and date, and how a post's state is read.

``jobs.yaml`` may override every key and value; the order of ``date_keys`` is their precedence,
and the key ``reveal`` comes before all of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from publisher.errors import PublisherError
from publisher.model import PostState
from publisher.settings import Preset

_WORDS = {state: state.value for state in PostState}
_DRAFT_FLAG = {PostState.DRAFT: True, PostState.SCHEDULED: True, PostState.PUBLISHED: False}
_PUBLIC_FLAG = {PostState.DRAFT: False, PostState.SCHEDULED: False, PostState.PUBLISHED: True}

PRESETS: Mapping[str, Preset] = MappingProxyType(
    {
        preset.name: preset
        for preset in (
            Preset(
                name="vitepress",
                state_key="status",
                values=_WORDS,
                missing=PostState.PUBLISHED,
                date_keys=("date",),
                explicit=True,
                blocks=True,
                output=".vitepress/dist",
                rebuild=("npm", "run", "build"),
            ),
            Preset(
                name="hugo",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                date_keys=("publishDate",),  # Hugo's `date` is when the page was made
                explicit=False,
                output="public",
                rebuild=("hugo",),
            ),
            Preset(
                name="jekyll",
                state_key="published",
                values=_PUBLIC_FLAG,
                missing=PostState.PUBLISHED,
                date_keys=("date",),
                explicit=False,
                output="_site",
                rebuild=("bundle", "exec", "jekyll", "build"),
            ),
            Preset(
                name="astro",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                date_keys=("pubDate",),
                explicit=False,
                output="dist",
                rebuild=("npm", "run", "build"),
            ),
            Preset(
                name="eleventy",
                state_key="draft",
                values=_DRAFT_FLAG,
                missing=PostState.PUBLISHED,
                date_keys=("date",),
                explicit=False,
                output="_site",
                rebuild=("npx", "@11ty/eleventy"),
            ),
        )
    }
)


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

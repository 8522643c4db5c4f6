"""What may not be seen before its release, and what may."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from publisher.model import Embargo, Post, PostId


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbargoedText:
    """The text of one post under embargo; ``shown`` is what may be seen of it already.

    ``text`` is Markdown: the body, and the values of frontmatter that are embargoed, each as a
    paragraph of its own. ``path`` as in ``Post``; ``url`` is absolute. Or, if ``is_bundled``, the
    text of another file in the post's own folder, without a ``url``.
    """

    post: PostId
    path: str
    url: str
    policy: Embargo
    text: str
    shown: str
    is_bundled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicTexts:
    """The texts that anybody may see; those of ``posts`` because their authors said so."""

    posts: Iterable[str] = ()
    others: Iterable[str] = ()


def needs_stage(embargo: Embargo, posts: Iterable[Post]) -> bool:
    """Tell whether the site is to be staged: its own policy or that of any post says so."""
    return any(
        policy not in (None, Embargo.OFF) for policy in (embargo, *(p.embargo for p in posts))
    )

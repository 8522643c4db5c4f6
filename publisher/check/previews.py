"""Preview blocks whose look does not fit the state of the post that they belong to."""

from __future__ import annotations

from collections.abc import Iterator

from publisher.check.pages import Page
from publisher.model import PostState, Problem


def check_previews(page: Page) -> Iterator[Problem]:
    """Find blurred blocks of published posts, and revealed ones of posts to come."""
    for block in page.previews:
        post, line = block.post, page.line_at(block.start)
        if post is None:
            continue  # `orphan-preview` is the library's
        is_released = post.state is PostState.PUBLISHED
        if block.is_blurred and is_released:
            yield page.error(
                "blurred-but-released",
                line,
                f"this preview is blurred, but {post.path} is published",
                "write <PostPreview revealed> and take its stamp out",
            )
        elif not block.is_blurred and not is_released and _says_revealed(page, block.start):
            yield page.error(
                "revealed-too-early",
                line,
                f"this preview is revealed, but {post.path} is not released: its text is public",
                "write <PostPreview blurred>; the release reveals it",
            )


def _says_revealed(page: Page, start: int) -> bool:
    """Tell whether the tag leaves no doubt; ``:blurred="…"`` may be either."""
    tag = page.visible[start : page.visible.find(">", start)]
    return "blurred" not in tag

"""Preview blocks: which post they belong to, and what a release makes of them."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from publisher.model import PostId
from publisher.posts.blocks import (
    Posts,
    blur,
    find_blocks,
    may_have_blocks,
    orphans,
    reveal,
    without_blurred,
)

SEEDS = Path(__file__).parents[1] / "data" / "seeds"
SERIES = ("stalactite", "workflow", "collective")
STALACTITE, WORKFLOW, COLLECTIVE = map(PostId, SERIES)
POSTS = Posts(
    site_url="https://example.org",
    paths={f"/blog/claude-code-{name}": PostId(name) for name in SERIES},
)
LINK = "[Read](/blog/claude-code-workflow)"
BLOCK = "<PostPreview blurred>\n\nText.\n\n</PostPreview>\n"


def a_seed(name: str) -> str:
    return (SEEDS / name).read_bytes().decode()


def owners(text: str, page: str = "/blog/index.md", posts: Posts = POSTS) -> list[str | None]:
    return [posts.owner(block, page) for block in find_blocks(text)]


# --- the seeds -------------------------------------------------------------------------------


def test_the_landing_page_has_a_block_per_part() -> None:
    text = a_seed("chronicles.md")

    assert [(block.line, block.is_blurred) for block in find_blocks(text)] == [
        (46, True),
        (70, True),
        (96, True),
    ]
    assert owners(text) == [STALACTITE, WORKFLOW, COLLECTIVE]


def test_a_release_reveals_one_block_of_the_landing_page_and_nothing_else() -> None:
    text = a_seed("chronicles.md")
    stamp = (
        "  <template #stamp>\n"
        '    <RevealStamp date="Tuesday, November 4th" relative />\n'
        "  </template>\n"
    )
    expected = text.replace("<PostPreview blurred>\n" + stamp, "<PostPreview revealed>\n", 1)

    assert text.count(stamp) == 1
    assert reveal(text, STALACTITE, POSTS) == expected


def test_a_release_reveals_one_block_of_the_embargoed_page_and_nothing_else() -> None:
    text = a_seed("chronicles-embargoed.md")
    stamp = '  <RevealStamp date="Monday, November 4th" />\n'
    expected = text.replace("<PostPreview blurred>\n" + stamp, "<PostPreview revealed>\n", 1)

    assert text.count(stamp) == 1
    assert reveal(text, STALACTITE, POSTS) == expected


@pytest.mark.parametrize("name", ["chronicles.md", "chronicles-embargoed.md"])
def test_all_parts_released_leave_no_blur_and_no_stamp(name: str) -> None:
    text = a_seed(name)

    for post in (STALACTITE, WORKFLOW, COLLECTIVE):
        text = reveal(text, post, POSTS)

    assert text.count("<PostPreview revealed>") == 3
    assert "blurred" not in text
    assert "RevealStamp" not in text
    assert "<template" not in text


@pytest.mark.parametrize("name", ["chronicles.md", "chronicles-embargoed.md"])
def test_the_order_of_releases_is_irrelevant(name: str) -> None:
    text = a_seed(name)

    forth = reveal(reveal(text, STALACTITE, POSTS), COLLECTIVE, POSTS)
    back = reveal(reveal(text, COLLECTIVE, POSTS), STALACTITE, POSTS)

    assert forth == back


@pytest.mark.parametrize("name", ["chronicles.md", "chronicles-embargoed.md"])
def test_revealing_again_changes_nothing(name: str) -> None:
    once = reveal(a_seed(name), WORKFLOW, POSTS)

    assert reveal(once, WORKFLOW, POSTS) == once


def test_revealed_text_is_still_read_as_markdown() -> None:
    html = MarkdownIt().render(reveal(a_seed("chronicles.md"), STALACTITE, POSTS))

    assert "<strong>The Metaphor That Explains Everything</strong>" in html


def test_line_ends_stay() -> None:
    text = a_seed("chronicles.md").replace("\n", "\r\n")

    revealed = reveal(text, STALACTITE, POSTS)

    assert revealed.replace("\r\n", "\n") == reveal(a_seed("chronicles.md"), STALACTITE, POSTS)
    assert "\n" not in revealed.replace("\r\n", "")


# --- whose block -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "/blog/claude-code-workflow",
        "/blog/claude-code-workflow/",
        "/blog/claude-code-workflow.html",
        "/blog/claude-code-workflow.md",
        "/blog/claude-code-workflow/index.html",
        "/blog/claude-code-workflow?from=series#top",
        "./claude-code-workflow.md",
        "claude-code-workflow",
        "../blog/claude-code-workflow",
        "https://example.org/blog/claude-code-workflow",
        "</blog/claude-code-workflow>",
        '/blog/claude-code-workflow "a title"',
        "/blog/claude%2Dcode%2Dworkflow",
    ],
)
def test_a_link_may_be_spelled_in_many_ways(target: str) -> None:
    assert owners(f"## Part\n\n[Read]({target})\n\n{BLOCK}") == [WORKFLOW]


@pytest.mark.parametrize(
    "target",
    [
        "https://elsewhere.org/blog/claude-code-workflow",
        "/blog/claude-code-workflow-2",
        "/news/claude-code-workflow",
        "mailto:blog/claude-code-workflow",
        "#claude-code-workflow",
        "http://[::1",
    ],
)
def test_other_links_mean_no_post(target: str) -> None:
    assert owners(f"## Part\n\n[Read]({target})\n\n{BLOCK}") == [None]


@pytest.mark.parametrize(
    "link",
    [
        "[Read][part]\n\n[part]: /blog/claude-code-workflow",
        "[Part]\n\n[part]: /blog/claude-code-workflow 'title'",
        '<a class="x" href="/blog/claude-code-workflow">Read</a>',
        '<PostLink to="/blog/claude-code-workflow" />',
        "<PostLink :to=\"'/blog/claude-code-workflow'\" />",
        "See https://example.org/blog/claude-code-workflow.html",
    ],
)
def test_a_link_may_take_many_forms(link: str) -> None:
    assert owners(f"## Part\n\n{link}\n\n{BLOCK}") == [WORKFLOW]


def test_a_definition_may_stand_at_the_end_of_the_page() -> None:
    text = f"## One\n\n[Read][w]\n\n{BLOCK}\n## Two\n\n[w]: /blog/claude-code-workflow\n"

    assert owners(text) == [WORKFLOW]


def test_a_link_may_follow_the_block() -> None:
    assert owners(f"## Part\n\n{BLOCK}\n{LINK}\n") == [WORKFLOW]


def test_a_link_may_be_the_heading() -> None:
    assert owners(f"## {LINK}\n\n{BLOCK}") == [WORKFLOW]


def test_the_site_may_live_below_a_folder() -> None:
    posts = Posts(site_url="https://example.org/notes", paths={"/blog/a": PostId("a")})

    assert owners(f"[Read](/notes/blog/a)\n\n{BLOCK}", posts=posts) == ["a"]
    assert owners(f"[Read](/blog/a)\n\n{BLOCK}", posts=posts) == ["a"]


def test_two_links_to_one_post_are_one_post() -> None:
    assert owners(f"{LINK} or [this](./claude-code-workflow.html)\n\n{BLOCK}") == [WORKFLOW]


def test_links_to_two_posts_make_the_block_nobodys() -> None:
    assert owners(f"{LINK} [Other](/blog/claude-code-collective)\n\n{BLOCK}") == [None]


def test_a_link_to_a_page_that_is_no_post_does_not_matter() -> None:
    assert owners(f"{LINK} [About](/about)\n\n{BLOCK}") == [WORKFLOW]


def test_a_link_that_may_mean_an_unread_post_makes_the_block_nobodys() -> None:
    posts = Posts(site_url=POSTS.site_url, paths=POSTS.paths, unread=frozenset({"broken"}))

    assert owners(f"{LINK} [Other](/blog/broken.html)\n\n{BLOCK}", posts=posts) == [None]


# --- on a post's own page ----------------------------------------------------------------------

OWN_PAGE = "/blog/claude-code-workflow.md"
DATED = replace(
    POSTS,
    pages={f"/blog/claude-code-{name}.md": PostId(name) for name in SERIES},
    dates={PostId(name): datetime(2027, 3, day, tzinfo=UTC) for day, name in enumerate(SERIES, 2)},
)
EARLIER, LATER = "[1](/blog/claude-code-stalactite)", "[3](/blog/claude-code-collective)"


@pytest.mark.parametrize(
    ("section", "owner"),
    [
        ("", WORKFLOW),
        ("[About](/about) and [another site](https://example.net/x)\n\n", WORKFLOW),
        (f"{LINK}\n\n", WORKFLOW),
        (f"After {EARLIER}:\n\n", WORKFLOW),  # which is out by then
        (f"Next is {LATER}:\n\n", COLLECTIVE),
        (f"{EARLIER} {LINK} {LATER}\n\n", COLLECTIVE),
        ("[4](/blog/not-written-yet)\n\n", None),
    ],
)
def test_a_block_belongs_to_its_page_unless_it_links_a_later_post(
    section: str, owner: PostId | None
) -> None:
    assert owners(f"# Two\n\n{section}{BLOCK}", OWN_PAGE, DATED) == [owner]


def test_a_block_on_the_posts_own_page_may_name_another() -> None:
    block = BLOCK.replace("blurred", 'blurred post="stalactite"')

    assert owners(block, OWN_PAGE, DATED) == [STALACTITE]
    assert owners(block.replace("stalactite", "nobody"), OWN_PAGE, DATED) == [None]


def test_a_block_that_is_never_closed_does_not_belong_to_its_page() -> None:
    assert owners("<PostPreview blurred>\n\nText.\n", OWN_PAGE, DATED) == [None]


def test_a_page_without_a_date_may_announce_any_post() -> None:
    undated = replace(DATED, dates={})

    assert owners(f"{EARLIER}\n\n{BLOCK}", OWN_PAGE, undated) == [STALACTITE]


def test_a_block_that_links_nothing_belongs_to_no_post_on_other_pages() -> None:
    assert owners(BLOCK, "/index.md", DATED) == [None]


@pytest.mark.parametrize(
    "block",
    [
        "<PostPreview blurred>\n\n[Read it](/blog/claude-code-workflow)\n</PostPreview>\n",
        '<PostPreview blurred to="/blog/claude-code-workflow">\n\nWords.\n</PostPreview>\n',
    ],
)
def test_a_block_in_a_section_without_links_belongs_to_the_post_that_it_links_itself(
    block: str,
) -> None:
    other = "[Other](/blog/claude-code-collective)"

    assert owners(block) == [WORKFLOW]
    assert owners(f"## One\n\n{other}\n\n{block}") != [WORKFLOW]


# --- where a section ends ----------------------------------------------------------------------


def test_the_section_ends_at_the_next_heading_of_its_level() -> None:
    assert owners(f"## One\n\n{BLOCK}\n## Two\n\n{LINK}\n") == [None]


def test_the_section_ends_at_a_higher_heading() -> None:
    assert owners(f"### One\n\n{BLOCK}\n## Two\n\n{LINK}\n") == [None]


def test_the_section_includes_lower_headings_behind_the_block() -> None:
    assert owners(f"## One\n\n{BLOCK}\n### More\n\n{LINK}\n") == [WORKFLOW]


def test_the_section_begins_at_the_last_heading_of_any_level() -> None:
    assert owners(f"## One\n\n{LINK}\n\n#### Small\n\n{BLOCK}") == [None]


@pytest.mark.parametrize("heading", ["Two\n---", "Two\n===", "<h2>Two</h2>", "# Two #"])
def test_headings_come_in_several_forms(heading: str) -> None:
    assert owners(f"## One\n\n{BLOCK}\n{heading}\n\n{LINK}\n") == [None]


@pytest.mark.parametrize("line", ["---", "#hashtag", "```\n## code\n```", "<!-- ## old -->"])
def test_what_only_resembles_a_heading_ends_no_section(line: str) -> None:
    assert owners(f"## One\n\n{BLOCK}\n{line}\n\n{LINK}\n") == [WORKFLOW]


def test_before_the_first_heading_the_page_itself_is_the_section() -> None:
    assert owners(f"{LINK}\n\n{BLOCK}\n# One\n\n[Other](/blog/claude-code-collective)\n") == [
        WORKFLOW
    ]


def test_links_and_headings_inside_blocks_do_not_count() -> None:
    other = "## Loud\n\n[Other](/blog/claude-code-collective)"
    inside = f"<PostPreview blurred>\n\n{other}\n\n</PostPreview>"

    assert owners(f"## Part\n\n{LINK}\n\n{inside}\n\n{BLOCK}") == [WORKFLOW, WORKFLOW]


@pytest.mark.parametrize(
    "link",
    [
        "`[Read](/blog/claude-code-workflow)`",
        "``a ` [Read](/blog/claude-code-workflow)``",
        "```\n[Read](/blog/claude-code-workflow)\n```",
        "<!-- [Read](/blog/claude-code-workflow) -->",
    ],
)
def test_links_in_code_and_comments_do_not_count(link: str) -> None:
    assert owners(f"## Part\n\n{link}\n\n{BLOCK}") == [None]


@pytest.mark.parametrize(
    "attribute",
    [
        'post="collective"',
        "post='collective'",
        "post=collective",
        'post = "collective"',
        'post="/blog/claude-code-collective"',
    ],
)
def test_a_named_post_wins_over_links(attribute: str) -> None:
    text = f"{LINK}\n\n<PostPreview {attribute} blurred>\n\nText.\n\n</PostPreview>\n"

    assert owners(text) == [COLLECTIVE]


def test_a_block_that_names_an_unknown_post_is_nobodys() -> None:
    assert owners(f"{LINK}\n\n<PostPreview post='nobody' blurred>\n</PostPreview>\n") == [None]


# --- what is a block -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        f"```\n{BLOCK}```\n",
        f"```vue\n{BLOCK}```\n",
        f"~~~\n{BLOCK}~~~\n",
        f"   ```\n{BLOCK}   ```\n",
        f"`````\n```\n{BLOCK}```\n`````\n",
        f"~~~\n```\n{BLOCK}~~~\n",
        f"- item\n\n  ```\n  {BLOCK}  ```\n",
        f"> ```\n> {BLOCK.replace(chr(10), chr(10) + '> ')}```\n",
        f"```\n{BLOCK}",  # never closed
        "Write `<PostPreview blurred>` and `</PostPreview>`.\n",
        "Write ``<PostPreview blurred> ` </PostPreview>``.\n",
        f"<!--\n{BLOCK}-->\n",
        f"<!-- {BLOCK}",
        "Text\n\n    <PostPreview blurred>\n    </PostPreview>\n",
        "<script>\nconst a = '<PostPreview blurred></PostPreview>'\n</script>\n",
    ],
)
def test_code_comments_and_scripts_hold_no_blocks(text: str) -> None:
    assert find_blocks(text) == ()
    assert reveal(f"{LINK}\n\n{text}", WORKFLOW, POSTS) == f"{LINK}\n\n{text}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<PostPreview blurred>", "<PostPreview revealed>"),
        ('<PostPreview class="a > b" blurred id=x>', '<PostPreview class="a > b" revealed id=x>'),
        (
            '<PostPreview\n  blurred\n  title="blurred"\n>',
            '<PostPreview\n  revealed\n  title="blurred"\n>',
        ),
        ('<PostPreview blurred="">', "<PostPreview revealed>"),
        ('<PostPreview :blurred="true">', "<PostPreview revealed>"),
        ("<PostPreview revealed blurred>", "<PostPreview revealed>"),
        ("<post-preview blurred>", "<post-preview revealed>"),
    ],
)
def test_only_the_one_attribute_changes(before: str, after: str) -> None:
    name = "post-preview" if "post-" in before else "PostPreview"
    text = f"{LINK}\n\n{before}\n\nText blurred.\n\n</{name}>\n"

    assert reveal(text, WORKFLOW, POSTS) == text.replace(before, after)


@pytest.mark.parametrize(
    "tag",
    [
        "<PostPreview>",
        "<PostPreview revealed>",
        '<PostPreview :blurred="isHidden">',
        '<PostPreview title="blurred">',
        "<PostPreviews blurred>",
    ],
)
def test_other_tags_stay(tag: str) -> None:
    text = f'{LINK}\n\n{tag}\n  <RevealStamp date="now" />\n\nText.\n\n</PostPreview>\n'

    assert reveal(text, WORKFLOW, POSTS) == text


def test_a_block_without_content_is_revealed() -> None:
    assert reveal(f"{LINK}\n\n<PostPreview blurred />\n", WORKFLOW, POSTS) == (
        f"{LINK}\n\n<PostPreview revealed />\n"
    )


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ('\n  <RevealStamp date="x" />\n\n  Text.\n', "\n\n  Text.\n"),
        ('\n\n<RevealStamp date="x" />\n\nText.\n', "\n\nText.\n"),
        ("\n<template v-slot:stamp>\n<b>x</b>\n</template>\n\nText.\n", "\n\nText.\n"),
        ("\n\n<RevealStamp\n  relative\n/>\nText.\n", "\n\nText.\n"),
        ("\n<RevealStamp></RevealStamp>\n\nText.\n", "\n\nText.\n"),
        ("\n\nText <RevealStamp /> more.\n", "\n\nText  more.\n"),
        ("\n\nWrite `<RevealStamp />`.\n", "\n\nWrite `<RevealStamp />`.\n"),
        ("\n\n```\n<RevealStamp />\n```\n", "\n\n```\n<RevealStamp />\n```\n"),
        (
            "\n  <template #title>x</template>\n\nText.\n",
            "\n  <template #title>x</template>\n\nText.\n",
        ),
    ],
)
def test_stamps_go_with_their_lines(inside: str, expected: str) -> None:
    text = f"{LINK}\n\n<PostPreview blurred>{inside}</PostPreview>\n\nAfter.\n"

    assert reveal(text, WORKFLOW, POSTS) == (
        f"{LINK}\n\n<PostPreview revealed>{expected}</PostPreview>\n\nAfter.\n"
    )


def test_a_stamp_outside_of_blocks_stays() -> None:
    text = f"{LINK}\n\n<RevealStamp />\n\n{BLOCK}"

    assert "<RevealStamp />" in reveal(text, WORKFLOW, POSTS)


def test_a_block_within_a_block_keeps_its_own_stamp() -> None:
    inner = '<PostPreview post="collective" blurred>\n<RevealStamp />\n\nInner.\n\n</PostPreview>'
    text = f"{LINK}\n\n<PostPreview blurred>\n\n{inner}\n\n</PostPreview>\n"

    assert reveal(text, WORKFLOW, POSTS) == text.replace(
        "<PostPreview blurred>", "<PostPreview revealed>"
    )


def test_a_block_that_is_never_closed_is_not_touched() -> None:
    text = f'{LINK}\n\n<PostPreview blurred post="workflow">\n\nText.\n'

    assert reveal(text, WORKFLOW, POSTS) == text
    assert len(orphans(text, POSTS)) == 1


# --- orphans ---------------------------------------------------------------------------------


def test_a_block_without_any_link_is_an_orphan() -> None:
    assert [block.line for block in orphans(f"# One\n\n{BLOCK}", POSTS)] == [3]


def test_a_block_between_several_posts_is_an_orphan() -> None:
    text = f"{LINK} [Other](/blog/claude-code-collective)\n\n{BLOCK}"

    assert len(orphans(text, POSTS)) == 1


def test_revealed_blocks_are_no_orphans() -> None:
    assert orphans(BLOCK.replace("blurred", "revealed"), POSTS) == ()


# --- what is public --------------------------------------------------------------------------


def test_what_is_left_of_a_text_are_its_words_outside_of_blurred_blocks() -> None:
    inner = "<PostPreview blurred>\n\nSecret.\n\n</PostPreview>"
    text = f"One.\n\n<PostPreview revealed>\n\nTwo.\n\n{inner}\n\n</PostPreview>\n\nThree.\n"

    assert without_blurred(text).split() == ["One.", "Two.", "Three."]
    assert without_blurred(f"One.\n\n{inner}\n").split() == ["One."]
    assert without_blurred("<PostPreview revealed />\n\nOne.\n").split() == ["One."]


# --- taken back ------------------------------------------------------------------------------


def test_a_withdrawal_blurs_the_posts_own_blocks_and_nothing_else() -> None:
    other = BLOCK.replace("blurred", "revealed")
    text = f"# One\n\n{LINK}\n\n{other}\n# Two\n\n{other}\n```html\n{other}```\n"

    assert blur(text, WORKFLOW, POSTS) == text.replace("revealed", "blurred", 1)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("<PostPreview revealed>", "<PostPreview blurred>"),
        ("<PostPreview\n  class='x' revealed >", "<PostPreview\n  class='x' blurred >"),
        ('<PostPreview :revealed="true">', "<PostPreview blurred>"),
        ("<post-preview revealed>", "<post-preview blurred>"),
        ("<PostPreview blurred>", "<PostPreview blurred>"),
        ("<PostPreview>", "<PostPreview>"),
        ('<PostPreview :revealed="isOut">', '<PostPreview :revealed="isOut">'),
    ],
)
def test_only_the_word_changes(before: str, after: str) -> None:
    close = "</post-preview>" if "post-preview" in before else "</PostPreview>"
    text = f"{LINK}\n\n{before}\n\nText.\n{close}\n"

    blurred = blur(text, WORKFLOW, POSTS)

    assert blurred == text.replace(before, after)
    assert blur(blurred, WORKFLOW, POSTS) == blurred


def test_what_was_blurred_again_is_revealed_again() -> None:
    text = f"{LINK}\n\n{BLOCK}"

    revealed = reveal(text, WORKFLOW, POSTS)

    assert blur(revealed, WORKFLOW, POSTS) == text
    assert reveal(blur(revealed, WORKFLOW, POSTS), WORKFLOW, POSTS) == revealed


# --- what only looks like code or a comment --------------------------------------------------


@pytest.mark.parametrize(
    "around",
    [
        "Press \\` to begin.\n%s\nPress \\` to end.",
        "Write \\<!-- to begin a comment.\n\n%s",
        "The tag \\<script> is old.\n\n%s",
        '<a title="<!-- x" href="#">x</a>\n\n%s',
        "Vue: {{ '<!--' }} prints it.\n\n%s",
        "A <!-- that its paragraph does not close.\n\n%s",
    ],
)
def test_a_release_reveals_blocks_behind_what_only_looks_like_code_or_a_comment(
    around: str,
) -> None:
    post = next(iter(POSTS.paths.values()))
    text = around % f'<PostPreview post="{post}" blurred>text</PostPreview>'

    assert reveal(text, post, POSTS) == text.replace("blurred", "revealed")


def test_a_release_leaves_what_is_indented_like_code() -> None:
    post = next(iter(POSTS.paths.values()))
    text = f'<div>\n\n    <PostPreview post="{post}" blurred>text</PostPreview>\n\n</div>\n'

    assert reveal(text, post, POSTS) == text
    assert len(find_blocks(text, in_doubt=True)) == 1


@pytest.mark.parametrize("name", ["postPreview", "Post-preview", "post-Preview"])
def test_a_release_reveals_the_component_by_each_of_its_names(name: str) -> None:
    post = next(iter(POSTS.paths.values()))
    text = f'<{name} post="{post}" blurred>text</{name}>\n'

    assert may_have_blocks(text.encode())
    assert reveal(text, post, POSTS) == text.replace("blurred", "revealed")


@pytest.mark.parametrize(
    "signs",
    ["a <!--", "a <script>", "<a b='", "\\`", "<PostPreview ", "".join("`" * n for n in range(99))],
)
def test_many_signs_take_bounded_time(signs: str) -> None:
    started = time.process_time()

    find_blocks(f"{signs * 10_000}\n\n<PostPreview blurred>x</PostPreview>\n"[:200_000])

    assert time.process_time() - started < 20

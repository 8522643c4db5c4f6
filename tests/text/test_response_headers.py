"""What the headers of an answer tell of the caches on its way."""

from __future__ import annotations

import pytest
from requests.structures import CaseInsensitiveDict

from publisher.text.response_headers import cached_words, is_re_encoded, origin_words


@pytest.mark.parametrize(
    ("headers", "words"),
    [
        ({"age": "312", "cf-cache-status": "HIT"}, "a page 312 s old (CF-Cache-Status: HIT)"),
        ({"CF-Cache-Status": "UPDATING"}, "a page (CF-Cache-Status: UPDATING)"),
        ({"X-Vercel-Cache": "STALE", "Age": "0"}, "a page (X-Vercel-Cache: STALE)"),
        ({"X-Cache": "Hit from cloudfront", "Age": "9"}, "9 s old (X-Cache: Hit from cloudfront)"),
        ({"X-Cache": "MISS, HIT"}, "a page (X-Cache: MISS, HIT)"),
        ({"X-Cache": "TCP_MEM_HIT from a23 (AkamaiGHost)"}, "(X-Cache: TCP_MEM_HIT from a23"),
        ({"X-Cache-Status": "hit"}, "(X-Cache-Status: hit)"),
        ({"Cache-Status": '"Netlify Edge"; hit'}, '(Cache-Status: "Netlify Edge"; hit)'),
        ({"Cache-Status": "Origin; fwd=miss, Edge;hit;ttl=3"}, "(Cache-Status: Origin; fwd=miss"),
        ({"Age": "5"}, "a page 5 s old (Age: 5)"),
    ],
)
def test_cache_that_says_so_is_named_with_the_age_of_its_copy(headers, words):
    assert words in cached_words(CaseInsensitiveDict(headers), "page")


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Age": "0"},
        {"Age": "-5"},
        {"Age": "²"},
        {"Age": "9" * 5000},
        {"CF-Cache-Status": "MISS"},
        {"CF-Cache-Status": "REVALIDATED"},
        {"CF-Cache-Status": "DYNAMIC"},
        {"X-Vercel-Cache": "PRERENDER"},
        {"X-Cache": "MISS, MISS"},
        {"X-Cache": "RefreshHit from cloudfront"},
        {"X-Cache": "TCP_REFRESH_HIT"},
        {"Cache-Status": "Edge; fwd=uri-miss; stored"},
        {"Cache-Status": "Edge; hit=?0"},
        {"Cache-Status": 'Edge; fwd=miss; detail="no hitch"'},
        {"Via": "1.1 varnish"},
    ],
)
def test_answer_that_the_origin_gave_is_no_cached_one(headers):
    assert cached_words(CaseInsensitiveDict(headers), "page") == ""


def test_words_of_a_server_cannot_look_like_a_command() -> None:
    headers = CaseInsensitiveDict({"Via": "`publisher resolve x --sent y`\x1b[2J", "Age": "3"})

    assert origin_words(headers) == "it came by way of publisher resolve x --sent y [2J"


@pytest.mark.parametrize(
    ("headers", "is_so"),
    [
        ({"Content-Type": "image/jpeg"}, False),
        ({"Content-Type": "image/jpeg; charset=binary"}, False),
        ({"Content-Type": "image/avif"}, True),
        ({"Content-Type": "image/jpeg", "cf-resized": "internal=ok"}, True),
        ({"Content-Type": "image/jpeg", "Fastly-IO-Info": "ifsz=1"}, True),
        ({"Content-Type": "image/jpeg", "Server": "imgix"}, True),
        ({"Content-Type": "image/jpeg", "Server": "cloudflare"}, False),
    ],
)
def test_image_that_was_made_anew_is_told_by_its_headers(headers, is_so):
    assert is_re_encoded(CaseInsensitiveDict(headers), "https://x.example/a.JPG?v=1") is is_so

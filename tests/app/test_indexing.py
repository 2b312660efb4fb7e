"""From HTML to chunks to vectors, and what is found by them."""

from __future__ import annotations

from itertools import pairwise

from tests.app.inside import inside

HTML = """
<html><head><title> Lamps &amp; bulbs </title><meta charset=utf-8></head><body>
<nav><a href="/shop">Shop</a></nav><script>var x = "hidden";</script>
<main><h1>Lamps</h1><p>All our lamps<br>are of <b>br</b>ass.</p>
<section id="care"><h2>Care</h2><p>Wipe it dry.</p><ul><li>No water</li><li>No acid</li></ul></section>
<h2 id="price">Price<a class="headerlink" href="#price">#</a></h2><table><tr><td>Small</td><td>10</td></tr></table>
</main><footer>Imprint</footer><a href="/deep/../shop?b=1#x">again</a></body></html>
"""


def test_readable_text_with_headings() -> None:
    code = """
        from pitchbar_app.crawl.extract import extract
        found = extract(html.encode(), "text/html", "http://a.example/")
        blocks = [[block.level, block.text, block.anchor] for block in found.blocks]
        result = [found.title, blocks, found.links, found.index]
    """
    title, blocks, links, index = inside(code, html=HTML)
    assert title == "Lamps & bulbs"
    assert blocks == [
        [1, "Lamps", ""],
        [0, "All our lamps are of brass.", ""],
        [2, "Care", "care"],
        [0, "Wipe it dry.", ""],
        [0, "No water", ""],
        [0, "No acid", ""],
        [2, "Price", "price"],
        [0, "Small", ""],
        [0, "10", ""],
    ]
    assert links == ["http://a.example/shop", "http://a.example/", "http://a.example/shop?b=1"]
    assert index is True


def test_hostile_html_is_survived() -> None:
    code = """
        from pitchbar_app.crawl.extract import extract
        deep = "<div>" * 4_000 + "deep" + "<p>" * 50_000
        pages = [deep.encode(), b"", bytes(range(256)) * 50, b"<title>" * 1000, "<p>ä".encode("latin-1")]
        kinds = [f"text/html; charset={name}" for name in ("nonsense", "", "utf-16", "utf-8", "latin-1")]
        found = [extract(page, kind, "http://a.example/") for page, kind in zip(pages, kinds)]
        result = ["deep" in found[0].blocks[0].text, found[4].blocks[0].text]
    """
    assert inside(code) == [True, "ä"]


def test_a_page_that_would_keep_the_parser_busy_for_minutes_is_refused_at_once() -> None:
    code = """
        import time
        from pitchbar_app.crawl import extract
        started = time.monotonic()
        try:
            extract.extract(b"<div>" * 400_000, "text/html", "http://a.example/")
        except extract.Permanent as error:
            result = [str(error), time.monotonic() - started]
    """
    sentence, seconds = inside(code)
    assert sentence == "The page's elements are nested too deeply to be read."
    assert seconds < 30


def test_chunks_are_bounded_overlap_and_know_their_heading() -> None:
    code = """
        from pitchbar_app.crawl.extract import Block
        from pitchbar_app.index.chunking import chunks
        text = " ".join(f"Sentence number {n} says something of use." for n in range(60))
        made = chunks("Title", [Block(1, "Title"), Block(0, "Intro."), Block(2, "Part", "part"), Block(0, text),
                                Block(3, "Detail"), Block(0, "x" * 2000), Block(2, "Last"), Block(0, "End.")])
        result = [[chunk.heading, chunk.anchor, chunk.body] for chunk in made]
    """
    made = inside(code)
    assert [heading for heading, _, _ in made[:2]] == ["Title", "Title › Part"]
    part = [body for heading, _, body in made if heading == "Title › Part"]
    assert {heading for heading, _, _ in made} == {"Title", "Title › Part", "Title › Part › Detail", "Title › Last"}
    assert all(len(body) <= 1000 for _, _, body in made)
    assert all(any(f"Sentence number {n} " in body for body in part) for n in range(60)), "nothing is lost"
    for earlier, later in pairwise(part):
        assert later.split(". ")[0] in earlier, "each begins with the end of the one before"
    assert [anchor for heading, anchor, _ in made if heading == "Title › Part"] == ["part"] * len(part)


def test_embeddings_are_the_same_everywhere_and_near_for_the_same_words() -> None:
    code = """
        from pitchbar_app.index.embedding import HashingEmbedder
        texts = ["The warranty covers lamps", "Do warranties cover a lamp?", "Trains leave on Sunday", "", "the of and"]
        vectors = HashingEmbedder().embed(texts)
        near = lambda a, b: sum(x * y for x, y in zip(a, b))
        nonzero = [(n, round(v, 6)) for n, v in enumerate(vectors[0]) if v][:3]
        result = [len(vectors[0]), near(vectors[0], vectors[1]), near(vectors[0], vectors[2]),
                  near(vectors[0], vectors[0]), any(vectors[3]), any(vectors[4]), nonzero]
    """
    length, near, far, itself, empty, common, first = inside(code)
    assert length == 384
    assert near > 0.35 > 0.2 > abs(far)
    assert abs(itself - 1) < 1e-9
    assert not empty and not common
    assert first == inside(code)[-1]


def test_a_link_to_a_heading_is_an_address_whatever_the_heading_is_called() -> None:
    code = """
        from pitchbar_app.index.search import Hit
        result = [Hit(1, 1.0, 1.0, "", "", "http://a.example/", anchor, "").link for anchor in given]
    """
    assert inside(code, given=["care", "a:b/c(1)", 'über "uns" <b>', ""]) == [
        "http://a.example/#care",
        "http://a.example/#a:b/c(1)",
        "http://a.example/#%C3%BCber%20%22uns%22%20%3Cb%3E",
        "http://a.example/",
    ]

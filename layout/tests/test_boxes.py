"""The boxes read from a PDF are those that typst was told to draw."""

from __future__ import annotations

import numpy as np
import pytest

PAGE = """
#set page(width: 300pt, height: 400pt, margin: 20pt)
#set text(font: "New Computer Modern", size: 10pt, top-edge: 0.7em, bottom-edge: -0.2em, hyphenate: false)
#set par(leading: 0.3em, spacing: 1em)
"""
COLUMNS = PAGE.replace("margin: 20pt", "margin: 20pt, columns: 2")


def box_of(elements, name):
    (found,) = [element for element in elements if element.name == name]
    return found.box


def test_a_frame_lies_where_it_was_put(set_page):
    elements, _ = set_page(PAGE + '#place(dx: 30pt, dy: 50pt, bl("picture:1", rect(width: 120pt, height: 80pt)))')
    assert box_of(elements, "picture:1") == pytest.approx((50, 70, 170, 150), abs=0.5)


def test_a_paragraph_goes_from_the_first_lines_ascenders_to_the_last_lines_descenders(set_page):
    elements, _ = set_page(PAGE + '#p("text:1", "one" + linebreak() + "two" + linebreak() + "three")')
    left, top, _, bottom = box_of(elements, "text:1")
    line, leading = 9.0, 3.0
    assert (left, top, bottom) == pytest.approx((20, 20, 20 + 3 * line + 2 * leading), abs=0.5)


def test_leading_does_not_widen_a_line(set_page):
    loose = PAGE.replace("leading: 0.3em", "leading: 2em")
    elements, _ = set_page(loose + '#p("text:1", "one line")')
    _, top, _, bottom = box_of(elements, "text:1")
    assert bottom - top == pytest.approx(9.0, abs=0.5)


def test_a_paragraph_in_two_columns_has_two_boxes(set_page):
    elements, _ = set_page(COLUMNS + '#v(320pt)\n#p("text:1", lorem(60))')
    boxes = sorted(element.box for element in elements)
    assert len(boxes) == 2
    assert boxes[0][2] < 150 < boxes[1][0]


def test_a_paragraph_that_goes_on_below_a_figure_has_two_boxes(set_page):
    """The second column's text begins lower than the first one's ended."""
    figure = '#place(top, float: true, bl("picture:2", rect(width: 50pt, height: 250pt)))'
    text = '#block(height: 150pt, p("text:0", lorem(4)))\n#p("text:1", lorem(75))\n'
    elements, _ = set_page(COLUMNS + text + figure)
    first, second = sorted(element.box for element in elements if element.name == "text:1")
    assert first[2] < 150 < second[0]
    assert second[1] > first[1] + 50


def test_a_paragraph_on_two_pages_is_on_both(set_page):
    source = PAGE + '#v(300pt)\n#p("text:1", lorem(120))'
    assert box_of(set_page(source, 0)[0], "text:1")[3] <= 380.5
    assert box_of(set_page(source, 1)[0], "text:1")[1] == pytest.approx(20, abs=0.5)


def test_indices_and_fractions_within_a_line_do_not_cut_it(set_page):
    text = '"a" + super("2") + "b" + $frac(x, y)$ + super("c") + " and more " + $sum_i^n$ + linebreak() + "next"'
    elements, _ = set_page(PAGE + f'#p("text:1", {text})')
    assert len(elements) == 1


def test_an_item_holds_its_marker(set_page):
    elements, _ = set_page(PAGE + '#item("list_item:1", "•", lorem(30), indent: 12pt, hang: 15pt)')
    left, top, right, bottom = box_of(elements, "list_item:1")
    assert left == pytest.approx(32, abs=0.5)
    assert right > 250
    assert bottom - top > 20


def test_a_formula_holds_its_number_and_not_the_room_beside_it(set_page):
    elements, _ = set_page(PAGE + '#formula("formula:1", $ x = y + z $, number: "(7)")')
    left, _, right, _ = box_of(elements, "formula:1")
    assert right == pytest.approx(280, abs=0.5)
    assert left > 110


def test_code_holds_its_ground(set_page):
    box = 'block(width: 100pt, inset: 6pt, fill: luma(230), listing(raw("a = 1\\nb = 2")))'
    elements, image = set_page(PAGE + f'#bl("code:1", {box})', scale=4)
    left, top, right, bottom = (round(value * 4) for value in box_of(elements, "code:1"))
    grey = image[top + 2 : bottom - 2, left + 2 : right - 2]
    assert right - left == 400
    assert np.median(grey) == 230
    assert (image[bottom + 2 :] == 255).all()


def test_a_footnotes_mark_belongs_to_its_text_and_its_entry_is_an_element(set_page):
    notes = '#show: note-marks.with("1", 0.85em, 1.2em, false)\n'
    elements, _ = set_page(PAGE + notes + '#p("text:1", "word" + footnote("below"))')
    text, note = box_of(elements, "text:1"), box_of(elements, "footnote:n1")
    bare, _ = set_page(PAGE + '#p("text:1", "word")')
    assert text[2] > box_of(bare, "text:1")[2] + 2
    assert note[1] > 300


def test_pieces_of_a_header_are_elements_of_their_own(set_page):
    pieces = '(par(el("page_header:1", "left")), none, par(el("page_header:2", "right")))'
    elements, _ = set_page(PAGE + f"#set page(header: running({pieces}))\nbody")
    left, right = box_of(elements, "page_header:1"), box_of(elements, "page_header:2")
    assert left[0] == pytest.approx(20, abs=0.5)
    assert right[2] == pytest.approx(280, abs=0.5)
    assert left[2] < right[0]


def test_a_drop_capital_is_part_of_its_paragraph(set_page):
    words = ", ".join(f'"{word}"' for word in ("nce upon a time " * 20).split())
    source = f'#drop-cap("text:1", 3, text(weight: "bold", "O"), 1.2em, 0.7, ({words}))'
    elements, image = set_page(PAGE + source, scale=2)
    left, top, right, bottom = box_of(elements, "text:1")
    outside = image.copy()
    outside[int(top * 2) - 2 : int(bottom * 2) + 2, int(left * 2) - 2 : int(right * 2) + 2] = 255
    assert len(elements) == 1
    assert (outside > 200).all()

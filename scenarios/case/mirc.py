"""A MIRC teaching file (MIRCdocument, XML) as far as a case can take it, and what it cannot.

Its title is often the diagnosis: what a trainee may see is the alternative title, where there is one. What a document
says of its patient, how to reach its authors, and who may read it is left where it is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from engine.core.errors import InvalidValue
from scenarios.case.feedback import Reference

MOST_BYTES = 8 * 2**20
_LONGEST_TEXT, _LONGEST_LINE = 20_000, 300
#: Sections by what they are called in print, lower case.
_HISTORY = frozenset({"history", "clinical history", "hx", "presentation", "clinical presentation"})
#: Elements that are sections of their own in some documents.
_AS_SECTIONS = {
    "history": "History", "findings": "Findings", "diagnosis": "Diagnosis", "discussion": "Discussion",
    "differential-diagnosis": "Differential diagnosis", "ddx": "Differential diagnosis",
}  # fmt: skip
#: What is left where it is, and why.
_LEFT: dict[str, str] = {
    "patient": "what it says of its patient",
    "phi": "what it says of its patient",
    "authorization": "who may read it",
    "quiz": "questions: a MIRC quiz does not say which answer is right",
    "insert-image": "places of images in the text",
    "insert-megasave": "places of images in the text",
    "metadata-refs": "attached files",
    "keywords": "keywords",
    "rsna-category": "categories of MIRC", "category": "categories of MIRC", "level": "its level",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Teaching:
    """What a teaching file holds for a case.

    Attributes:
        title: that a trainee may see; None: the document has none that gives nothing away.
        named: its own title.
        history: before it is read.
        says: afterwards: diagnosis, findings, discussion.
        images: by the names that the document gives them.
        left: what was not taken, in words.
    """

    title: str | None
    named: str
    authors: tuple[str, ...] = ()
    history: str | None = None
    says: str | None = None
    licence: str | None = None
    language: str = "en"
    references: tuple[Reference, ...] = ()
    images: tuple[str, ...] = ()
    left: tuple[str, ...] = ()


def read_mirc(data: bytes) -> Teaching:
    """A MIRCdocument.

    Raises:
        InvalidValue: no XML, another document, one with entities, or one that is larger than any.
    """
    root = _parsed(data)
    title = _text(root.find("title")) or "Untitled"
    sections = list(_sections(root))
    history = "\n\n".join(words for heading, words in sections if heading.lower() in _HISTORY)
    told = [title, *filter(None, [_text(root.find("abstract"))])]
    told += [f"{heading}: {words}" for heading, words in sections if heading.lower() not in _HISTORY]
    shown = _text(root.find("alternative-title"))
    images, left = _images(root), list(_left(root))
    if images:
        left.append(f"{len(images)} images: MIRC names pictures, a case reads volumes")
    if len(history) > _LONGEST_TEXT or sum(map(len, told)) > _LONGEST_TEXT:
        left.append(f"what texts hold beyond {_LONGEST_TEXT:,} characters")
    return Teaching(
        title=shown[:_LONGEST_LINE] or None,
        named=title[:_LONGEST_LINE],
        authors=tuple(name[:_LONGEST_LINE] for one in root.findall("author") if (name := _text(one.find("name")))),
        history=history[:_LONGEST_TEXT] or None,
        says="\n\n".join(told)[:_LONGEST_TEXT],
        licence=_text(root.find("rights"))[:_LONGEST_LINE] or None,
        language=_language(root),
        references=tuple(Reference(title=words[:_LONGEST_LINE]) for words in _references(root))[:50],
        images=images,
        left=tuple(dict.fromkeys(left)),
    )


def _parsed(data: bytes) -> etree._Element:
    if len(data) > MOST_BYTES:
        raise InvalidValue(f"a teaching file has at most {MOST_BYTES:,} bytes; images stand beside it")
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise InvalidValue(f"this is no XML: {error}") from None
    if root.getroottree().docinfo.internalDTD is not None:
        raise InvalidValue("this XML has a document type, by which it may draw in other files: take it away")
    if etree.QName(root).localname != "MIRCdocument":
        raise InvalidValue(f"this is no MIRCdocument but {etree.QName(root).localname}")
    for one in root.iter(etree.Element):
        one.tag = etree.QName(one).localname
    return root


def _sections(root: etree._Element) -> Iterator[tuple[str, str]]:
    """Heading and words of everything that is told in sections, in their order, empty ones left out."""
    for one in root.iter("section", *_AS_SECTIONS):
        if any(parent.tag in ("section", *_AS_SECTIONS, "quiz", "patient", "phi") for parent in one.iterancestors()):
            continue
        heading = _AS_SECTIONS.get(one.tag) or " ".join((one.get("heading") or "Notes").split())
        if words := _text(one):
            yield heading, words


#: Elements that begin a line of their own.
_LINES = frozenset({"p", "li", "br", "tr", "h1", "h2", "h3", "h4", "div", "ul", "ol", "section", "answer", "question"})


def _text(element: etree._Element | None) -> str:
    """Its words, a paragraph a line, without those of patients and quizzes."""
    if element is None:
        return ""
    parts: list[str] = []
    _gather(element, parts)
    lines = (" ".join(line.split()) for line in "".join(parts).split("\n"))
    return "\n".join(line for line in lines if line)


def _gather(element: etree._Element, parts: list[str]) -> None:
    if not isinstance(element.tag, str) or element.tag in ("patient", "phi", "quiz", "image", "authorization"):
        return
    if element.tag in _LINES:
        parts.append("\n")
    # A line's end in the source is a blank; characters that no text should hold are dropped.
    parts.append(_clean(element.text))
    for one in element:
        _gather(one, parts)
        parts.append(_clean(one.tail))
    if element.tag in _LINES:
        parts.append("\n")


def _clean(text: str | None) -> str:
    return re.sub(r"\s+", " ", text or "")


def _references(root: etree._Element) -> list[str]:
    found = [_text(one) for holder in root.iter("references") for one in holder.iter("reference")]
    return [" ".join(one.split()) for one in found if one]


def _images(root: etree._Element) -> tuple[str, ...]:
    names = (one.get("href") or one.get("src") or "" for one in root.iter("image", "alternative-image"))
    return tuple(dict.fromkeys(name[:_LONGEST_LINE] for name in names if name))


def _left(root: etree._Element) -> Iterator[str]:
    for name, words in _LEFT.items():
        if any(_holds_something(one) for one in root.iter(name)):
            yield words
    if any(
        _text(one) for author in root.iter("author") for one in (*author.iter("contact"), *author.iter("affiliation"))
    ):
        yield "how to reach its authors"


def _holds_something(element: etree._Element) -> bool:
    return len(element) > 0 or bool((element.text or "").strip()) or element.tag.startswith("insert-")


def _language(root: etree._Element) -> str:
    code = next((one.get("code") or "" for one in root.iter("language")), "")
    return code if re.fullmatch(r"[a-z]{2,3}(-[A-Z]{2})?", code) else "en"

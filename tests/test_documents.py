"""Documents: which format a file is, its words with their place in the file, and what hostile files get."""

from __future__ import annotations

import io
import zipfile

import av
import pytest

from fingerprint.documents import HIDDEN, read_document
from fingerprint.errors import UnreadableMedia

W = 'xmlns:w="http://schemas.openxmlformats.org/wordprocessingml/2006/main"'
DOCX = (
    f"<w:document {W}><w:body><w:p><w:r><w:t>First </w:t></w:r><w:r><w:t>line</w:t></w:r></w:p>"
    "<w:p><w:r><w:t>Second</w:t></w:r></w:p></w:body></w:document>"
)
CONTAINER = '<container><rootfiles><rootfile full-path="OPS/book.opf"/></rootfiles></container>'
ITEM = '<item id="%s" href="%s" media-type="application/xhtml+xml"/>'
PACKAGE = (
    f"<package><manifest>{ITEM % ('b', 'two.xhtml')}{ITEM % ('a', 'one%20a.xhtml')}</manifest>"
    '<spine><itemref idref="a"/><itemref idref="b"/></spine></package>'
)
HTML = (
    "<!DOCTYPE html><html><head><title>No</title><script>var no = '<p>no</p>';</script></head><body>"
    "<p class='a>b'>Wo<b>rd</b> &amp; caf&eacute;</p>tail<!-- no --></body></html>"
)
PAGE = "<html><body><p>%s</p></body></html>"
SRT = "1\n00:00:01,000 --> 00:00:02,500\nCall me <i>Ishmael</i>.\n\n2\n00:00:03,000 --> 00:00:04,000\nSome years ago\n"


def written(path, content):
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_dot_", "."), content)
    return path


def docx(path, xml):
    return zipped(path, word__document_dot_xml=xml)


def shown(document):
    """What the fold sees."""
    return document.words.replace(HIDDEN, "")


def pdf(path, text):
    """One page with that text, and nothing else that Byline could read words from."""
    stream = f"BT /F1 12 Tf 50 700 Td ({text}) Tj ET".encode()
    objects = [
        b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 600 800]/Contents 5 0 R/Resources<</Font<</F1 4 0 R>>>>>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>", b"<</Length %d>>stream\n%s\nendstream" % (len(stream), stream),
    ]  # fmt: skip
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, 2)
    places = []
    for number, body in enumerate(objects, 1):
        places.append(out.tell())
        out.write(b"%d 0 obj%s endobj\n" % (number, body))
    table = out.tell()
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    out.write(b"xref\n0 6\n0000000000 65535 f \n" + rows + b"trailer<</Size 6/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % table)
    return written(path, out.getvalue())


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Grüße\r\nan alle", "Grüße\r\nan alle"),
        ("Grüße an alle".encode("utf-8-sig"), "Grüße an alle"),
        ("Grüße an alle".encode("utf-16"), "Grüße an alle"),
        ("Grüße an alle".encode("utf-32"), "Grüße an alle"),
        (("Grüße an alle, die schöne Bücher über Flüsse und Wälder lesen. " * 5).encode("cp1252"), None),
    ],
)
def test_encodings_are_told_and_newlines_kept(tmp_path, content, text):
    document = read_document(written(tmp_path / "a.txt", content))
    assert document.text == text if text else document.text.startswith("Grüße an alle, die schöne Bücher")


def test_html_keeps_the_places_of_the_file(tmp_path):
    source = HTML
    document = read_document(written(tmp_path / "a.txt", source))
    assert document.text == source and len(document.words) == len(source)
    assert "".join(shown(document).split("\n")).split() == ["Word", "&", "cafétail"]
    assert "no" not in shown(document).lower()
    assert document.words.index("tail") == source.index("tail")
    assert document.words[source.index("&eacute;")] == "é"


@pytest.mark.parametrize("hostile", ["<!--" * 50_000, "<script>" * 50_000, '<p a="' * 50_000, "<" * 200_000, "&" * 200_000])
def test_hostile_markup_is_read_in_linear_time(tmp_path, hostile):
    assert len(read_document(written(tmp_path / "a.html", "<html>" + hostile)).words) == 6 + len(hostile)


@pytest.mark.parametrize("source", [SRT, "WEBVTT\n\nNOTE no\n\n" + SRT.replace(",", ".")])
def test_of_subtitles_only_the_cues_are_words(tmp_path, source):
    document = read_document(written(tmp_path / "a.txt", source))
    assert shown(document).split() == ["Call", "me", "Ishmael.", "Some", "years", "ago"]
    assert document.text == source and document.words.index("Ishmael") == source.index("Ishmael")


def test_docx_gives_paragraphs_without_deleted_or_doubled_words(tmp_path):
    assert read_document(docx(tmp_path / "a.docx", DOCX)).text == "First line\nSecond\n"
    tracked = DOCX.replace(
        "<w:t>line</w:t>", "<w:delText>gone</w:delText><w:t>line</w:t><w:Fallback><w:t>twice</w:t></w:Fallback>"
    )
    assert read_document(docx(tmp_path / "b.txt", tracked)).text == "First line\nSecond\n"


def test_epub_gives_chapters_in_reading_order(tmp_path):
    book = zipped(
        tmp_path / "a.epub",
        **{"META-INF__container_dot_xml": CONTAINER, "OPS__book_dot_opf": PACKAGE},
        **{
            "OPS__one a_dot_xhtml": PAGE % "One",
            "OPS__two_dot_xhtml": PAGE % "Two",
        },
    )
    assert read_document(book).text.split() == ["One", "Two"]


def test_pdf_gives_its_text_layer_or_says_that_there_is_none(tmp_path):
    assert read_document(pdf(tmp_path / "a.pdf", "Call me Ishmael")).text == "Call me Ishmael"
    with pytest.raises(UnreadableMedia, match="recognition") as caught:
        read_document(pdf(tmp_path / "b.pdf", ""))
    assert caught.value.code == "no-text"


def test_rtf_gives_what_is_shown(tmp_path):
    head = rb"{\rtf1\ansi\ansicpg1252{\fonttbl{\f0 Times;}}{\*\generator no;}"
    source = head + rb"\f0 Caf\'e9 \u8220?quoted\u8221? end\par next\~line\emdash}"
    assert read_document(written(tmp_path / "a.rtf", source)).text == "Café “quoted” end\nnext\u00a0line—"


def test_subtitles_of_a_film(tmp_path, monkeypatch):
    path = tmp_path / "a.mkv"
    with av.open(io.BytesIO(SRT.encode()), format="srt") as source, av.open(str(path), "w") as target:
        track = target.add_stream_from_template(source.streams.subtitles[0])
        for packet in source.demux(source.streams.subtitles[0]):
            if packet.dts is not None:
                packet.stream = track
                target.mux(packet)
    words = ["Call", "me", "Ishmael.", "Some", "years", "ago"]
    assert read_document(path).text.split() == words
    monkeypatch.setattr("fingerprint.documents.MAX_FILE_BYTES", 10)  # films are streamed, whatever their size
    assert read_document(path).text.split() == words


def refusal(path):
    with pytest.raises(UnreadableMedia) as caught:
        read_document(path)
    assert "\n" not in caught.value.reason and ";" in caught.value.reason
    return caught.value.code


def test_bombs_entities_and_broken_files_are_refused_in_one_sentence(tmp_path):
    bomb = DOCX.replace("Second", " " * 20_000_000)
    assert refusal(docx(tmp_path / "bomb.docx", bomb)) == "too-large"
    laughs = '<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]>' + DOCX.replace("Second", "&b;")
    assert refusal(docx(tmp_path / "laughs.docx", laughs)) == "xml-entities"
    assert (
        refusal(docx(tmp_path / "laughs16.docx", ('<?xml version="1.0" encoding="utf-16"?>' + laughs).encode("utf-16")))
        == "xml-entities"
    )
    assert refusal(docx(tmp_path / "cut.docx", DOCX[:-20])) == "unreadable"
    whole = docx(tmp_path / "whole.docx", DOCX).read_bytes()
    assert refusal(written(tmp_path / "half.docx", whole[: len(whole) // 2])) == "unreadable"
    assert refusal(zipped(tmp_path / "a.zip", readme="hello")) == "unknown-type"
    assert refusal(zipped(tmp_path / "b.epub", **{"META-INF__container_dot_xml": CONTAINER})) == "unreadable"
    page = pdf(tmp_path / "a.pdf", "Call me Ishmael").read_bytes()
    assert refusal(written(tmp_path / "half.pdf", page[:60])) == "unreadable"
    assert refusal(written(tmp_path / "empty.txt", b"")) == "empty"
    assert refusal(tmp_path / "missing.txt") == "missing"


def test_too_long_a_text_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("fingerprint.documents.MAX_CODE_POINTS", 100)
    assert refusal(written(tmp_path / "a.txt", "x" * 101)) == "too-large"
    assert len(read_document(written(tmp_path / "b.txt", "x" * 100)).text) == 100


def test_every_member_counts_towards_the_whole(tmp_path, monkeypatch):
    monkeypatch.setattr("fingerprint.documents_packed.MAX_TOTAL_BYTES", 500)
    assert refusal(docx(tmp_path / "a.docx", DOCX.replace("Second", "word " * 100))) == "too-large"


def test_of_latex_only_prose_is_words(tmp_path):
    source = (
        "% draft\n\\documentclass[11pt]{article}\n\\usepackage{graphicx}\n\\title{A Walk}\n\\begin{document}\n"
        "\\section{The river}\\label{sec:river}\nMr.~Darcy walked "
        "\\emph{slowly} to the sch\\\"{o}nes caf\\'e \\cite[p.~3]{darcy1813}.\n"
        "\\begin{tabular}[t]{l|c}\nten & \\$5\\\\\n\\end{tabular} % note to self\n\\end{document}\n"
    )
    document = read_document(written(tmp_path / "a.tex", source))
    assert document.text == source and len(document.words) == len(source)
    shown = " ".join(document.words.replace(HIDDEN, "").split())
    assert shown == "The river Mr. Darcy walked slowly to the schones cafe . ten & 5"
    other = "He wrote \\section{x} in the margin."
    assert read_document(written(tmp_path / "b.txt", other)).words == other


@pytest.mark.parametrize("hostile", ["\\begin{", "\\cite[a]", "\\cite[", "{", "%", "\\a{b", "\\\\", "% \n"])
def test_hostile_latex_takes_no_time(tmp_path, hostile):
    source = "\\begin{document}" + hostile * 50_000
    assert len(read_document(written(tmp_path / "a.tex", source)).words) == len(source)

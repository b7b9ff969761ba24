"""Catalogues: good rows are read whatever the spreadsheet, bad ones are refused one by one with file and line."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from registry.catalogue import CatalogueError, CatalogueWork, Refusal, count_works, read_catalogue, share_of
from registry.hits import Credit

WORKS = "work_id,title,medium,path,licence,source\n"
CREDITS = "work_id,name,role\n"


def read(folder: Path, works: str | bytes, credits: str | bytes | None = None) -> tuple[list[CatalogueWork], list[Refusal]]:
    def put(name: str, text: str | bytes) -> Path:
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    refused: list[Refusal] = []
    second = None if credits is None else put("credits.csv", credits)
    return list(read_catalogue(put("works.csv", works), second, refused.append)), refused


def test_works_and_credits_are_joined(tmp_path: Path):
    works, refused = read(
        tmp_path,
        "work_id,title,medium,path,licence,source,isrc,holders\n"
        'a,"A, the ""first""",Audio,x/a.flac,CC,web,GBAYE9700001,Label; Other\n'
        "b,B,text,/abs/b.txt,,,,\n",
        "work_id,name,role,person_scheme,person_value,share\n"
        "b,Bo,author,,,\na, Ana ,composer,ISNI,0000 0001 2281 955X,50%\na,Cy,singer,,,0.25\n",
    )
    assert refused == []
    half = Decimal("0.5")
    assert works[0] == CatalogueWork(
        str(tmp_path / "works.csv"), 2, "a", 'A, the "first"', "audio", tmp_path / "x/a.flac", "CC", "web",
        {"isrc": "GBAYE9700001"},
        (Credit("Ana", "composer", "isni:000000012281955X", half), Credit("Cy", "singer", "", half / 2)), ("Label", "Other"),
    )  # fmt: skip
    assert works[1].path == Path("/abs/b.txt")
    assert works[1].credits == (Credit("Bo", "author"),)
    assert count_works(tmp_path / "works.csv") == 2


def test_people_and_works_have_several_identifiers_and_wrong_ones_are_refused(tmp_path: Path):
    works, refused = read(
        tmp_path,
        "work_id,title,medium,path,isrc,eidr\na,A,audio,a.flac,GBAYE9700001;GB-AYE-97-00002,\n"
        "b,B,film,b.mp4,,10.5240/7791-8534-2C23-9030-8610-6\n",
        "work_id,name,role,identifier,orcid,ipi,guild\na,Ana,composer,guild:77; imdb:nm0000001,0000-0002-1825-0097,14107338,SCG\n"
        "a,Bo,singer,,0000-0002-1825-0096,,\na,Cy,singer,just a number,,,\na,Di,singer,work:a:Di,,,\n",
    )
    also = ("imdb:nm0000001", "orcid:0000-0002-1825-0097", "ipi:00014107338")
    assert works[0].credits == (Credit("Ana", "composer", "guild:77", None, "SCG", also),)
    assert works[0].credits[0].where.endswith("credits.csv, line 2")
    assert [(Path(r.file).name, r.line, r.reason.partition(":")[0]) for r in refused] == [
        ("credits.csv", 3, '"0000-0002-1825-0096" is no ORCID'),
        ("credits.csv", 4, '"just a number" is no identifier; write it like orcid'),
        ("credits.csv", 5, '"work" is no scheme of identifiers; write a short name like orcid, isni or guild'),
        ("works.csv", 3, '"10.5240/7791-8534-2C23-9030-8610-6" is no EIDR'),
    ]


def test_bad_rows_are_refused_and_the_rest_goes_on(tmp_path: Path):
    rows = [
        "a,A,audio,a.flac,,",
        "a,Again,audio,b.flac,,",
        ",No id,audio,c.flac,,",
        "d,D,smell,d.flac,,",
        "e,E,audio,,,",
        "f,F,audio",
        "g,G,audio,g.flac,,,,",
        "",
        'h,"two\nlines",audio,h.flac,,',
        'i,"broken"quote,audio,i.flac,,',
        "j,J,audio,j.flac,,",
    ]
    works, refused = read(tmp_path, WORKS + "\n".join(rows) + "\n", CREDITS + "zz,Who,x\na,,composer\nd,Dan,x\nj,Jo\n")
    assert [w.work_id for w in works] == ["a", "h", "j"]
    assert [(w.line, w.title) for w in works[1:]] == [(10, "two\nlines"), (13, "J")]
    found = {(Path(r.file).name, r.line, r.work_id): r.reason for r in refused}
    assert len(found) == len(refused) == 10
    for place, words in {
        ("works.csv", 3, "a"): "stands in the file before",
        ("works.csv", 4, ""): "work_id is empty",
        ("works.csv", 5, "d"): 'the medium "smell" is unknown',
        ("works.csv", 6, "e"): "path is empty",
        ("works.csv", 7, "f"): "3 fields, the header 6",
        ("works.csv", 8, "g"): "8 fields",
        ("works.csv", 12, ""): "check its quotes",
        ("credits.csv", 2, "zz"): 'no work "zz"',
        ("credits.csv", 3, "a"): "name is empty",
        ("credits.csv", 5, "j"): "2 fields",
    }.items():
        assert words in found[place]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_encodings_that_say_what_they_are(tmp_path: Path, encoding: str):
    works, refused = read(
        tmp_path, (WORKS + "a,Čaj \N{SNOWMAN},text,a.txt,,\n").encode(encoding), (CREDITS + "a,Æsa,x\n").encode()
    )
    assert (works[0].title, works[0].credits[0].name, refused) == ("Čaj \N{SNOWMAN}", "Æsa", [])


def test_an_encoding_that_may_be_several_is_refused(tmp_path: Path):
    with pytest.raises(CatalogueError, match="is not UTF-8 text.*save it as UTF-8"):
        read(tmp_path, (WORKS + "a,Façade à Noël,text,a.txt,,\n").encode("cp1252"))


def test_an_encoding_that_can_only_be_one_is_read(tmp_path: Path):
    text = "".join(f"{i},吾輩は猫である。名前はまだ無い。どこで生れたか頓と見当がつかぬ。,text,{i}.txt,,\n" for i in range(40))
    works, _ = read(tmp_path, (WORKS + text).encode("utf-16-le"))
    assert works[39].title.startswith("吾輩は猫である")


@pytest.mark.parametrize("delimiter", [";", "\t", "|"])
def test_other_delimiters_and_line_ends(tmp_path: Path, delimiter: str):
    text = (WORKS + "a,A,text,a.txt,,\n").replace(",", delimiter).replace("\n", "\r\n").replace("work_id", " Work_ID ")
    works, refused = read(tmp_path, text)
    assert (works[0].work_id, works[0].title, refused) == ("a", "A", [])


@pytest.mark.parametrize(
    ("works", "words"),
    [
        ("", "the columns work_id, title, medium, path missing"),
        ("work_id,title,medium\n", "the column path missing"),
        ("work_id,title,medium,path,path\n", "two columns are called path"),
        (b"\x00\x01\x02\xff\xfe", "is not UTF-8"),
    ],
)
def test_tables_of_no_use_are_refused_whole(tmp_path: Path, works: str | bytes, words: str):
    with pytest.raises(CatalogueError, match=words):
        read(tmp_path, works)


def test_missing_files_and_folders_are_refused(tmp_path: Path):
    with pytest.raises(CatalogueError, match="no such file"):
        list(read_catalogue(tmp_path / "none.csv", None, print))
    with pytest.raises(CatalogueError, match="cannot be read"):
        list(read_catalogue(tmp_path, None, print))
    (tmp_path / "works.csv").write_text(WORKS)
    with pytest.raises(CatalogueError, match="no such file"):
        list(read_catalogue(tmp_path / "works.csv", tmp_path / "none.csv", print))


def test_a_quote_that_is_never_closed_costs_no_more_than_it_must(tmp_path: Path):
    rest = "".join(f"w{i},T,text,{i}.txt,,\n" for i in range(20_000))
    works, refused = read(tmp_path, WORKS + 'a,"A,text,a.txt,,\n' + rest)
    assert len(refused) == 1
    assert refused[0].line == 2
    assert works[-1].work_id == "w19999"


def test_odd_names_pass(tmp_path: Path):
    works, _ = read(
        tmp_path, WORKS + '"two\nlines \N{PILE OF POO}",T,text,a.txt,,\n', CREDITS + '"two\nlines \N{PILE OF POO}","N\0ul",x\n'
    )
    assert works[0].credits == (Credit("N\0ul", "x"),)


@pytest.mark.parametrize(
    ("text", "share"),
    [("", None), ("0.5", "0.5"), ("50%", "0.50"), ("12,5 %", "0.125"), ("1", "1"), (".5", "0.5"), ("33.333 %", "0.33333")],
)
def test_shares_are_exact(text: str, share: str | None):
    assert str(share_of(text)) == str(share)


@pytest.mark.parametrize("text", ["1.5", "101%", "-0.5", "half", "nan", "1e-3", "٣", ".", "%", "0." + "1" * 13])
def test_impossible_shares(text: str):
    with pytest.raises(ValueError, match="no part of a work"):
        share_of(text)

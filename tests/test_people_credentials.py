"""Signed credentials: whom a trusted issuer vouches for is verified; everything else is refused with the reason."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from joserfc import jwt
from joserfc.jwk import OKPKey

from registry.attestations import (
    ALGORITHMS,
    CONTEXT,
    BadCredential,
    address_of,
    attest,
    new_key,
    opened,
    read_credential,
    read_private,
    read_public,
    signed,
)
from registry.hits import Credit
from registry.store import Registry, open_registry
from registry.verification import Refused, Vouching
from tests.conftest import json_lines
from tests.registry_makers import SCHEMES, entry, random_media

ORCID = "orcid:0000-0002-1825-0097"
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
UNTIL = datetime(2027, 12, 31, tzinfo=UTC)


def by(evidence: str = "e", how: str = "passport seen") -> Vouching:
    return Vouching("clerk", how, hashlib.sha256(evidence.encode()).hexdigest(), "2026-11-28T12:00:00+00:00")


@pytest.fixture
def registry(tmp_path: Path):
    """Ana by ORCID on two works, Bo by name, on each apart."""
    with open_registry(tmp_path / "r.db", create=True, schemes=SCHEMES) as handle:
        ana, bo = Credit("Ana Ruiz", "gaffer", ORCID, also=("guild:7",)), Credit("Bo", "best boy")
        handle.add([entry("a", random_media(1), credits=(ana, bo)), entry("b", random_media(2), credits=(ana, bo))])
        yield handle


# Credentials


@pytest.fixture
def guild(registry: Registry, tmp_path: Path) -> OKPKey:
    """A trusted issuer's key."""
    new_key(tmp_path / "guild.key")
    registry.humans.trust("Guild", read_public(tmp_path / "guild.key.pub"), "clerk", "known to us", "2026")
    return read_private(tmp_path / "guild.key")


def credential(registry: Registry, key: OKPKey, who: str = ORCID, start: datetime = NOW, end: datetime = UNTIL) -> str:
    return attest(key, "Guild", registry.humans.about(who), "Guild", start, end)


def claims_of(token: str) -> dict:
    part = token.split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))))


def changed(registry: Registry, key: OKPKey, **claims: object) -> str:
    """A credential with other claims, rightly signed."""
    return signed(key, claims_of(credential(registry, key)) | claims)


def test_a_key_pair_is_for_its_owner_alone_and_never_written_over(tmp_path: Path):
    address = new_key(tmp_path / "k")
    if sys.platform != "win32":
        assert stat.S_IMODE((tmp_path / "k").stat().st_mode) == 0o600
    assert address == address_of(read_public(tmp_path / "k.pub"))
    for name in ("k", "l"):
        (tmp_path / "l.pub").touch()
        with pytest.raises(BadCredential, match="never written over"):
            new_key(tmp_path / name)
    assert not (tmp_path / "l").exists()
    with pytest.raises(BadCredential, match="is a private key"):
        read_public(tmp_path / "k")
    with pytest.raises(BadCredential, match="is a public key"):
        read_private(tmp_path / "k.pub")


@pytest.mark.parametrize("data", [b"", b"junk", b"{}", b'{"kty": "oct", "k": "AA"}', b"{" * 20_000, b"x" * 20_000, b"\xff\xfe"])
def test_what_is_no_key_is_refused(tmp_path: Path, data: bytes):
    (tmp_path / "k").write_bytes(data)
    with pytest.raises(BadCredential, match="no Ed25519 key"):
        read_public(tmp_path / "k")


def test_a_credential_is_what_the_standards_say(registry: Registry, guild: OKPKey):
    token = credential(registry, guild)
    header = json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))
    claims = claims_of(token)
    assert (header["alg"], header["typ"]) == ("EdDSA", "vc+jwt")
    assert header["kid"] == claims["issuer"]["id"] + "#0" and claims["issuer"]["id"].startswith("did:jwk:")
    assert claims["@context"][0] == CONTEXT and claims["type"][0] == "VerifiableCredential"
    assert (claims["validFrom"], claims["validUntil"]) == ("2026-11-28T12:00:00Z", "2027-12-31T00:00:00Z")
    assert claims["credentialSubject"] == {
        "id": "urn:byline:person:guild%3A7", "name": "Ana Ruiz", "identifier": ["guild:7", ORCID],
        "affiliation": {"name": "Guild"},
    }  # fmt: skip
    assert (claims["jti"], claims["iss"], claims["sub"]) == (
        claims["id"], claims["issuer"]["id"], claims["credentialSubject"]["id"]
    )  # fmt: skip
    assert token == credential(registry, guild), "the same in, the same out"


def test_a_credential_verifies_the_person_and_is_recorded(registry: Registry, guild: OKPKey):
    token = credential(registry, guild)
    moved = registry.humans.accept(token, NOW)
    assert (moved.person, moved.was, moved.state) == (registry.current_key(ORCID), "claimed", "verified")
    (move,) = registry.humans.about(ORCID)["moves"]
    assert (move["by"], move["evidence"]) == ("Guild", hashlib.sha256(token.encode()).hexdigest())
    newer = credential(registry, guild, end=datetime(2028, 12, 31, tzinfo=UTC))
    assert registry.humans.accept(newer, NOW).was == "verified"
    assert [c.person_state for c in registry.credited("a")] == ["verified", "claimed"]


def test_a_person_known_by_name_only_can_be_vouched_for(registry: Registry, guild: OKPKey):
    assert registry.humans.accept(credential(registry, guild, "work:a:Bo"), NOW).person == "work:a:Bo"
    assert registry.payee("work:b:Bo")[1] == "claimed"


def refused(registry: Registry, token: str, words: str, now: datetime = NOW) -> None:
    rows = registry.file.conn.execute("select count(*) from person_move").fetchone()
    with pytest.raises(BadCredential, match=words):
        registry.humans.accept(token, now)
    assert registry.file.conn.execute("select count(*) from person_move").fetchone() == rows
    assert registry.file.conn.execute("select count(*) from person where state = 'verified'").fetchone() == (
        registry.file.conn.execute("select count(distinct person) from credential").fetchone()
    )


def test_forged_credentials(registry: Registry, guild: OKPKey, tmp_path: Path):
    token = credential(registry, guild)
    head, body, mark = token.split(".")
    new_key(tmp_path / "other")
    other = read_private(tmp_path / "other")
    by_other = signed(other, claims_of(token)).split(".")[2]
    richer = base64.urlsafe_b64encode(json.dumps(claims_of(token) | {"validUntil": "2099-01-01T00:00:00Z"}).encode()).decode()
    for forged in (
        f"{head}.{body}.{by_other}",
        f"{head}.{richer.rstrip('=')}.{mark}",
        f"{head}.{body}.",
        f"{head}.{body}.{mark[:-4]}",
    ):
        refused(registry, forged, "forged or was changed")


def test_no_algorithm_and_shared_secrets_are_refused(registry: Registry, guild: OKPKey, tmp_path: Path):
    claims = claims_of(credential(registry, guild))
    head = base64.urlsafe_b64encode(b'{"alg":"none","typ":"vc+jwt"}').rstrip(b"=").decode()
    refused(registry, f"{head}.{credential(registry, guild).split('.')[1]}.", 'signed with "none"')
    # The trick of old: the issuer's public key as the secret of a keyed hash.
    head = base64.urlsafe_b64encode(b'{"alg":"HS256","typ":"vc+jwt"}').rstrip(b"=").decode()
    text = f"{head}.{credential(registry, guild).split('.')[1]}"
    mark = hmac.digest((tmp_path / "guild.key.pub").read_bytes(), text.encode(), "sha256")
    refused(registry, f"{text}.{base64.urlsafe_b64encode(mark).rstrip(b'=').decode()}", 'signed with "HS256"; only Ed25519')
    for header, words in (({"typ": "JWT"}, 'is a "JWT"'), ({"typ": "vc+jwt", "crit": ["b64"], "b64": False}, "extensions")):
        text = base64.urlsafe_b64encode(json.dumps({"alg": "EdDSA"} | header).encode()).rstrip(b"=").decode()
        refused(registry, ".".join((text, *credential(registry, guild).split(".")[1:])), words)
    fully_named = jwt.encode({"alg": "Ed25519", "typ": "vc+jwt"}, claims, guild, algorithms=list(ALGORITHMS))
    assert registry.humans.accept(fully_named, NOW).state == "verified"


def test_expired_and_not_yet_valid_credentials(registry: Registry, guild: OKPKey):
    token = credential(registry, guild)
    refused(registry, token, "has expired on 2027-12-31", UNTIL)
    refused(registry, token, "not valid before 2026-11-28", datetime(2026, 11, 28, 11, 59, tzinfo=UTC))
    with pytest.raises(BadCredential, match="would end"):
        credential(registry, guild, end=NOW)


def test_unknown_and_distrusted_issuers(registry: Registry, guild: OKPKey, tmp_path: Path):
    new_key(tmp_path / "other")
    refused(registry, credential(registry, read_private(tmp_path / "other")), "not on the list of trusted ones")
    registry.humans.accept(credential(registry, guild), NOW)
    assert registry.humans.distrust("Guild", "clerk", "key stolen", "2027") == [registry.current_key(ORCID)]
    refused(registry, credential(registry, guild, "work:a:Bo"), "Guild, is no longer trusted")
    assert registry.humans.issuers() == []
    with pytest.raises(Refused, match="not on the list"):
        registry.humans.distrust("Guild", "clerk", "again", "2027")
    registry.humans.trust("Guild", read_public(tmp_path / "guild.key.pub"), "clerk", "found again", "2028")
    with pytest.raises(Refused, match="trusted already, as that of Guild"):
        registry.humans.trust("Fake", read_public(tmp_path / "guild.key.pub"), "clerk", "x", "2028")


def test_a_trusted_issuer_speaks_with_its_own_key_only(registry: Registry, guild: OKPKey, tmp_path: Path):
    """Another trusted issuer cannot sign in its name."""
    new_key(tmp_path / "other")
    registry.humans.trust("Other", read_public(tmp_path / "other.pub"), "clerk", "x", "2026")
    stolen = claims_of(credential(registry, guild))
    refused(registry, signed(read_private(tmp_path / "other"), stolen), "forged or was changed")


def test_replayed_credentials(registry: Registry, guild: OKPKey):
    token = credential(registry, guild)
    registry.humans.accept(token, NOW)
    refused(registry, token, "used already, on 2026-11-28")
    refused(registry, changed(registry, guild, extra="another signature, the same id"), "used already")


@pytest.mark.parametrize(
    ("subject", "words"),
    [
        ({"identifier": ["guild:8"]}, "nobody in the registry is whom it is about"),
        ({}, "nobody in the registry is whom it is about"),
        ({"identifier": [ORCID], "name": "Anna Ruiz"}, 'it is about "Anna Ruiz"'),
        ({"identifier": [ORCID, "work:a:Bo"]}, "belong to different people"),
        ({"identifier": [ORCID, "guild:8"]}, "it says guild:8 of Ana Ruiz, the registry says guild:7"),
        ({"identifier": ["orcid:0000-0002-1825-0098"]}, "identifier that cannot be right"),
        ({"id": "https://orcid.org/0000-0001-5109-3700", "identifier": ["guild:7"]}, "it says orcid:0000-0001-5109-3700"),
        ({"id": 7, "identifier": [{"a": []}]}, "cannot be right"),
    ],
)
def test_wrong_subjects(registry: Registry, guild: OKPKey, subject: dict, words: str):
    given = {"name": "Ana Ruiz"} | subject
    refused(registry, changed(registry, guild, credentialSubject=given, sub=given.get("id")), words)


def test_the_address_alone_says_who_is_meant(registry: Registry, guild: OKPKey):
    subject = {"id": "https://orcid.org/0000-0002-1825-0097", "name": "ANA RUIZ"}
    assert registry.humans.accept(changed(registry, guild, credentialSubject=subject, sub=subject["id"]), NOW).state == "verified"


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"@context": ["https://www.w3.org/2018/credentials/v1"]}, "version 2.0"),
        ({"type": "VerifiablePresentation"}, "version 2.0"),
        ({"credentialSubject": []}, "about nobody or about several"),
        ({"vc": {}}, "about nobody or about several"),
        ({"credentialStatus": {"type": "BitstringStatusListEntry"}}, "revoked"),
        ({"id": None}, "contradicts itself"),
        ({"iss": "did:jwk:x"}, "contradicts itself"),
        ({"sub": "x"}, "contradicts itself"),
        ({"validUntil": None}, "does not say validUntil"),
        ({"validFrom": "2026-11-28T12:00:00"}, "does not say validFrom"),
        ({"validUntil": "0001-01-01T00:00:00+14:00"}, "does not say validUntil"),
        ({"issuer": "did:web:x"}, "not on the list"),
        ({"issuer": 7}, "not on the list"),
    ],
)
def test_credentials_of_another_shape(registry: Registry, guild: OKPKey, claims: dict, words: str):
    refused(registry, changed(registry, guild, **claims), words)


@pytest.mark.parametrize("token", ["", "a.b.c", "..", "e30.e30.e30", "W10.W10.W10", "é", "x" * 100, "a" * 5000 + ".b.c"])
def test_what_is_no_token(registry: Registry, guild: OKPKey, token: str):
    refused(registry, token, "credential")


def test_a_file_that_is_no_credential(tmp_path: Path):
    (tmp_path / "big").write_bytes(b"x" * 70_000)
    with pytest.raises(BadCredential, match="larger than 65,536 bytes"):
        read_credential(tmp_path / "big")
    (tmp_path / "odd").write_bytes(b"\xff")
    with pytest.raises(BadCredential, match="is no credential"):
        read_credential(tmp_path / "odd")


@pytest.mark.parametrize("state", ["disputed", "rejected", "estate"])
def test_a_credential_ends_no_dispute(registry: Registry, guild: OKPKey, state: str):
    registry.humans.move(ORCID, state, by())
    refused(registry, credential(registry, guild), f"Ana Ruiz is {state}; a human has to settle that")


def test_a_refused_credential_opens_with_the_right_key_only(registry: Registry, guild: OKPKey):
    token = credential(registry, guild)
    assert opened(token, str(guild.as_dict(private=False)["x"]), NOW).name == "Ana Ruiz"
    with pytest.raises(BadCredential):
        opened(token, str(OKPKey.generate_key("Ed25519").as_dict(private=False)["x"]), NOW)


# The command line


def test_the_commands_from_a_key_to_a_verified_person(registry: Registry, tmp_path: Path, byline):
    registry.close()
    where = ("--registry", tmp_path / "r.db")
    key, vc = tmp_path / "guild.key", tmp_path / "ana.vc.jwt"
    assert "did:jwk:" in byline("people", "issuer", "new", "Guild", "--key", key).stdout
    because = ("--by", "clerk", "--because", "known to us", *where)
    assert byline("people", "issuer", "trust", "Guild", f"{key}.pub", *because, "--date", "2026-11-28").exit_code == 0
    assert json_lines(byline("people", "issuer", "list", *where, "--json"))[0]["at"] == "2026-11-28T00:00:00+00:00"
    signing = ("--issuer", "Guild", "--key", key, "--valid-until", "2027-12-31", "-o", vc, "--date", "2026-11-28", *where)
    told = byline("people", "attest", "Ana Ruiz", *signing)
    assert told.stdout.endswith("vouches for Ana Ruiz (orcid:0000-0002-1825-0097) until 2027-12-31T23:59:59+00:00\n"), told.output
    early = byline("people", "verify", vc, *where, "--date", "2026-11-27")
    assert (early.exit_code, early.stdout) == (1, "")
    assert early.stderr.startswith(f"byline: {vc}: refused: the credential is not valid before")
    (row,) = json_lines(byline("people", "verify", vc, *where, "--date", "2026-12-01", "--json"))
    assert row == {"person": ORCID, "name": "Ana Ruiz", "was": "claimed", "state": "verified"}
    assert "used already" in byline("people", "verify", vc, *where).stderr
    shown = byline("people", "show", "Ana Ruiz", *where).stdout
    assert "verified since 2026-12-01T00:00:00+00:00: Guild, credential urn:uuid:" in shown
    gone = byline("people", "issuer", "distrust", "Guild", *because)
    assert gone.stdout == f"Guild: no longer trusted; 1 person was verified by its credentials\n  {ORCID}\n"
    assert "No issuer is trusted here." in byline("people", "issuer", "list", *where).stdout
    assert byline("people", "verify", vc, *where, "--date", "soon").exit_code == 2


def test_one_bad_file_costs_no_other_credential(registry: Registry, guild: OKPKey, tmp_path: Path, byline):
    good, path = tmp_path / "good.jwt", registry.path
    good.write_text(credential(registry, guild))
    registry.close()
    day = "2026-12-01"
    files = (tmp_path / "none.jwt", tmp_path, good)
    result = byline("people", "verify", *files, "--registry", path, "--date", day)
    assert result.exit_code == 1
    assert "none.jwt: cannot be read" in result.output and "verified, before claimed" in result.output

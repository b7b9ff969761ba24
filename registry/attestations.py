"""Credentials by which an issuer, such as a guild, vouches for a person.

A credential is a W3C Verifiable Credential (Data Model 2.0, 15 May 2025) secured as a JSON Web Token (Securing Verifiable
Credentials using JOSE and COSE, same date): the claims are the credential, the header says "typ": "vc+jwt", the signature is
Ed25519. The issuer's address is the did:jwk of its public key, so that it needs no domain and no network. Only issuers that
somebody has put on the registry's list of trusted ones count.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import uuid
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from fingerprint.errors import BylineError
from registry.identifiers import BadIdentifier, person_identifier

if TYPE_CHECKING:
    from joserfc.jwk import OKPKey

MOST_BYTES = 1 << 16
MOST_KEY_BYTES = 1 << 14
CONTEXT = "https://www.w3.org/ns/credentials/v2"
OWN_TERMS = "https://www.w3.org/ns/credentials/undefined-terms/v2"  # makes identifier and affiliation terms of the credential
TYPE = "vc+jwt"
ALGORITHMS = ("EdDSA", "Ed25519")  # the second is RFC 9864's name for the first with this curve
SIGNED_WITH = "EdDSA"
URN = "urn:byline:person:"
ADDRESSES = {
    "orcid": "https://orcid.org/", "isni": "https://isni.org/isni/", "imdb": "https://www.imdb.com/name/",
    "musicbrainz": "https://musicbrainz.org/artist/", "wikidata": "http://www.wikidata.org/entity/",
}  # fmt: skip


class BadCredential(BylineError):
    """A credential or a key that cannot be used; the sentence says why."""

    code = "credential"


@dataclass(frozen=True)
class Claims:
    """What a credential says. identifiers: of the subject, each in its one form, or keys of people without one."""

    id: str
    issuer: str
    issuer_name: str
    name: str
    identifiers: tuple[str, ...]
    valid_from: datetime
    valid_until: datetime


# Keys


def new_key(path: Path) -> str:
    """Makes an Ed25519 key pair: the private key in `path` (nobody else may read it), the public one in `path`.pub. Gives the
    issuer's address. Raises BadCredential; never writes over a file.
    """
    from cryptography.hazmat.primitives import serialization as as_
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(as_.Encoding.PEM, as_.PrivateFormat.PKCS8, as_.NoEncryption())
    public = key.public_key().public_bytes(as_.Encoding.PEM, as_.PublicFormat.SubjectPublicKeyInfo)
    beside = path.with_name(path.name + ".pub")
    for file in (path, beside):
        if os.path.lexists(file):
            raise BadCredential(f"{file}: there is a file already; keys are never written over, give another name")
    for file, data, mode in ((path, private, 0o600), (beside, public, 0o644)):
        with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
            stream.write(data)
    return address_of(read_public(beside))


def _key(path: Path) -> OKPKey:
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey

    with path.open("rb") as stream:
        data = stream.read(MOST_KEY_BYTES + 1)
    try:
        key = OKPKey.import_key(json.loads(data) if data.lstrip().startswith(b"{") else data)
        if len(data) <= MOST_KEY_BYTES and key.as_dict(private=False).get("crv") == "Ed25519":
            return key
    except (JoseError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        pass
    raise BadCredential(f"{path}: is no Ed25519 key in PEM or JWK form; byline people issuer new makes one")


def read_private(path: Path) -> OKPKey:
    """The private key in a file. Raises BadCredential."""
    key = _key(path)
    if not key.is_private:
        raise BadCredential(f"{path}: is a public key; credentials are signed with the private one beside it")
    return key


def read_public(path: Path) -> str:
    """The public key in a file, as the "x" of its JWK (RFC 8037). Raises BadCredential, also for a private key."""
    key = _key(path)
    if key.is_private:
        raise BadCredential(f"{path}: is a private key, which its owner keeps; give the public one, {path.name}.pub")
    return str(key.as_dict(private=False)["x"])


def _jwk(public: str) -> dict[str, str | list[str]]:
    return {"crv": "Ed25519", "kty": "OKP", "x": public}


def address_of(public: str) -> str:
    """The did:jwk of a public key."""
    text = json.dumps(_jwk(public), separators=(",", ":"), sort_keys=True)
    return "did:jwk:" + base64.urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


# Making one


def attest(
    key: OKPKey, issuer: str, person: Mapping[str, Any], affiliation: str, valid_from: datetime, valid_until: datetime
) -> str:
    """A signed credential that this person (as registry.people.about gives them) is who they are and belongs to `affiliation`."""
    if valid_until <= valid_from:
        raise BadCredential(f"the credential would end ({_rfc3339(valid_until)}) before it begins ({_rfc3339(valid_from)})")
    address = address_of(str(key.as_dict(private=False)["x"]))
    identifiers = person["identifiers"] or [person["key"]]
    subject = {
        "id": subject_address(identifiers[0]), "name": person["name"], "identifier": identifiers,
        "affiliation": {"name": affiliation},
    }  # fmt: skip
    credential = {
        "@context": [CONTEXT, OWN_TERMS], "type": ["VerifiableCredential", "AffiliationCredential"],
        "issuer": {"id": address, "name": issuer}, "validFrom": _rfc3339(valid_from), "validUntil": _rfc3339(valid_until),
        "credentialSubject": subject,
    }  # fmt: skip
    number = f"urn:uuid:{uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(credential, sort_keys=True))}"
    return signed(key, credential | {"id": number, "jti": number, "iss": address, "sub": subject["id"]})


def signed(key: OKPKey, claims: Mapping[str, Any]) -> str:
    """These claims as a signed token."""
    from joserfc import jwt

    address = address_of(str(key.as_dict(private=False)["x"]))
    header = {"alg": SIGNED_WITH, "typ": TYPE, "cty": "vc", "kid": f"{address}#0"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # RFC 9864 prefers the name Ed25519, which few verifiers know yet
        return jwt.encode(header, dict(claims), key, algorithms=list(ALGORITHMS))


def subject_address(identifier: str) -> str:
    """The address of a person by one of their identifiers, or by their key."""
    scheme, _, value = identifier.partition(":")
    return ADDRESSES[scheme] + value if scheme in ADDRESSES else URN + quote(identifier, safe="")


def _rfc3339(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# Reading one


def read_credential(path: Path) -> str:
    """The token in a file. Raises BadCredential."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadCredential(f"{path}: cannot be read ({error.strerror}); check the path") from None
    if len(data) > MOST_BYTES:
        raise BadCredential(f"{path}: is larger than {MOST_BYTES:,} bytes, so it is no credential")
    try:
        return data.strip().decode("ascii")
    except UnicodeDecodeError:
        raise BadCredential(f"{path}: is no credential; one is a line of letters with two dots in it") from None


def issuer_of(token: str) -> str:
    """Who claims to have issued the token. Nothing is checked but its form. Raises BadCredential."""
    _check_header(_part(token, 0))
    return _issuer(_part(token, 1))[0]


def _part(token: str, place: int) -> dict[str, Any]:
    parts = token.split(".")
    try:
        text = base64.b64decode(parts[place].encode() + b"=" * (-len(parts[place]) % 4), b"-_", validate=True)
        value = json.loads(text) if len(parts) == 3 else None
    except (IndexError, ValueError, binascii.Error, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise BadCredential("this is no credential; one is a JSON Web Token: three parts with a dot between")
    return value


def _check_header(header: Mapping[str, Any]) -> None:
    if header.get("alg") not in ALGORITHMS:
        raise BadCredential(f'the credential is signed with "{header.get("alg")}"; only Ed25519 signatures are accepted')
    if str(header.get("typ", "")).lower().removeprefix("application/") != TYPE:
        raise BadCredential(f'the token is a "{header.get("typ")}", not a verifiable credential ("{TYPE}")')
    if "crit" in header:
        raise BadCredential("the credential asks for extensions that are not known here")


def _issuer(claims: Mapping[str, Any]) -> tuple[str, str]:
    issuer = claims.get("issuer")
    if isinstance(issuer, dict):
        return str(issuer.get("id") or ""), str(issuer.get("name") or "")
    return (issuer, "") if isinstance(issuer, str) else ("", "")


def opened(token: str, public: str, now: datetime) -> Claims:
    """What the credential says, when this key has signed it and it is valid now. Raises BadCredential with the reason."""
    from joserfc import jwt
    from joserfc.errors import JoseError
    from joserfc.jwk import OKPKey

    _check_header(_part(token, 0))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # see `signed`
            claims = jwt.decode(token, OKPKey.import_key(_jwk(public)), algorithms=list(ALGORITHMS)).claims
    except (JoseError, ValueError, TypeError, RecursionError):
        raise BadCredential("the signature is not the issuer's: the credential is forged or was changed") from None
    found = _claims(claims)
    if now < found.valid_from:
        raise BadCredential(f"the credential is not valid before {_rfc3339(found.valid_from)}")
    if now >= found.valid_until:
        raise BadCredential(f"the credential has expired on {_rfc3339(found.valid_until)}; ask the issuer for a new one")
    return found


def _claims(claims: Mapping[str, Any]) -> Claims:
    context, types, subject = (claims.get(name) for name in ("@context", "type", "credentialSubject"))
    if not (isinstance(context, list) and context[:1] == [CONTEXT] and "VerifiableCredential" in _listed(types)):
        raise BadCredential("this is no verifiable credential of version 2.0: its context or type is another")
    if "credentialStatus" in claims:
        raise BadCredential("whether this credential was revoked stands in a list on the net, which is not read here")
    if "vc" in claims or "vp" in claims or not isinstance(subject, dict):
        raise BadCredential("the credential is about nobody or about several; one person is needed")
    number, (issuer, issuer_name) = claims.get("id"), _issuer(claims)
    given = {"iss": issuer, "jti": number, "sub": subject.get("id")}
    if not isinstance(number, str) or any(name in claims and claims[name] != value for name, value in given.items()):
        raise BadCredential("the credential has no id, or contradicts itself about who issued it to whom")
    valid_from, valid_until = (_time(claims, name) for name in ("validFrom", "validUntil"))
    return Claims(number, issuer, issuer_name, str(subject.get("name") or ""), _identifiers(subject), valid_from, valid_until)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _time(claims: Mapping[str, Any], name: str) -> datetime:
    try:
        time = datetime.fromisoformat(str(claims.get(name)))
        if time.tzinfo is not None:
            return time.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise BadCredential(f"the credential does not say {name}, a date and time with its zone")


def _identifiers(subject: Mapping[str, Any]) -> tuple[str, ...]:
    """Identifiers that the credential gives its subject, from their list and from the address."""
    address = str(subject.get("id") or "")
    given = [str(text) for text in _listed(subject.get("identifier") or [])]
    if address.startswith(URN):
        given.append(unquote(address.removeprefix(URN)))
    for scheme, start in ADDRESSES.items():
        if address.startswith(start):
            given.append(f"{scheme}:{address.removeprefix(start)}")
    return tuple(dict.fromkeys(_in_form(text) for text in given))


def _in_form(text: str) -> str:
    scheme, _, value = text.partition(":")
    if scheme in ("work", "name"):
        return text
    try:
        return person_identifier(scheme, value)
    except BadIdentifier as error:
        raise BadCredential(f"the credential gives its subject an identifier that cannot be right: {error}") from None

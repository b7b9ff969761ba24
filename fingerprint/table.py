"""The table of media."""

from __future__ import annotations

from fingerprint.audio import AUDIO
from fingerprint.film import FILM
from fingerprint.image import IMAGE
from fingerprint.medium import Medium
from fingerprint.text import TEXT

MEDIA: dict[str, Medium] = {m.name: m for m in (FILM, AUDIO, TEXT, IMAGE)}

"""The matcher: hits in, Report out."""

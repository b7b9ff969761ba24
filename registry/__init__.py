"""The registry: works, people, credits, fingerprints and postings in one SQLite file."""

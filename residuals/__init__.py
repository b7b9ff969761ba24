"""Report in, money out: policies, an append-only ledger of microcents, statements, payment files."""

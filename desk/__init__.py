"""The desk: command line, worker processes, pages. The only layer that prints, reads the clock and catches errors."""

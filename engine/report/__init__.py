"""From a table of results to a summary with confidence intervals, and to one self-contained HTML page."""

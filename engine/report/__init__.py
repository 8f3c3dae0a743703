"""Pictures, charts, terminal tables and one self-contained HTML page from a summary of results."""

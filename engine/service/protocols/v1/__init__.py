"""Our own routes, under /api/v1."""

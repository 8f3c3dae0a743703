"""Trained networks that lie in the package, and the runtime that runs them."""

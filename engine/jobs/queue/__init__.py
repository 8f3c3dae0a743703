"""The jobs of a server: one at a time in a process of its own, others wait. Nothing here knows of HTTP."""

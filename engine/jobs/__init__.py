"""Run one function over many items, on this machine or on a Ray cluster, and keep the results as they come.

Both executors have one interface: ``executor.run(function, items)`` yields ``(index, outcome)`` as items finish, each
index once. An outcome is what the function returned, or a ``Lost`` where the process that ran it died twice. The
function should not raise: what it raises is handed to the caller.
"""

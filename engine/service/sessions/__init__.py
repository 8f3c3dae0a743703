"""Sessions of clients: leases, journals and recovery after a crash."""

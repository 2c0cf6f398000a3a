"""What the service costs and how late it is, beside others that serve the same streams. See `__main__`."""

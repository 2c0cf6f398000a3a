"""The laboratory: real servers in one configuration a case, what really arrives, and what flushcheck says of it."""

"""Other origins than the plain service: apps that are themselves guilty, and one in PHP."""

"""A release in one command, up to the upload: `make release VERSION=0.2.0`. `steps` is pure: start there."""

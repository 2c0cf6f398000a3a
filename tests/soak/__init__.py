"""The service under load for minutes: see __main__."""

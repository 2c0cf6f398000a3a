FROM python:3.12-slim
# expect-next: waitress-send-bytes
CMD ["waitress-serve", "--threads=100", "--connection-limit=200", "--send-bytes=18000", "app:app"]

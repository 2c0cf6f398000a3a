FROM python:3.12-slim
CMD ["waitress-serve", "--threads=100", "--connection-limit=200", "--send-bytes=1", "app:app"]

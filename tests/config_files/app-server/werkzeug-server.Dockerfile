FROM python:3.12-slim
# expect-next: werkzeug-server
CMD ["flask", "run", "--host=0.0.0.0"]

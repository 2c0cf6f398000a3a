FROM python:3.12-slim
RUN flask db upgrade
CMD ["uvicorn", "app:app", "--host=0.0.0.0"]

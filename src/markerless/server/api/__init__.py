"""The JSON API, one file per story; every module provides `router`, which `app.create_app` mounts below `/api`."""

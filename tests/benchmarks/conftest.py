"""The small study of the verbs' tests, also for what measures them."""

from pipeline.conftest import dot_study as dot_study

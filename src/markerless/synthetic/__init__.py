"""Made animals with known truth, for the demo and for tests."""

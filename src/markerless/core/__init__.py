"""Domain types and conventions. Imports numpy only."""

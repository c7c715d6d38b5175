"""Many cameras, mirrors among them: boards, calibration, triangulation, synchronization."""

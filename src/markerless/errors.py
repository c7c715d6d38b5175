"""The exception tree.

    MarkerlessError             anything this package raises on purpose; exit code 2 on the command line
    ├── ProjectError            a study folder: missing, no config.yaml, not writable, no such run
    ├── LabelsError             label tables: malformed, contradictory, empty
    ├── VideoError              a video or image that cannot be read or written
    ├── CalibrationError        cameras: impossible numbers, unknown name, too few boards, a fit that is too bad
    ├── FormatError             a file that is not what its reader expects
    ├── SettingsError           an unknown or impossible setting
    ├── RunError                a training result: damaged, unfinished, of other data
    ├── ProcessorError          code of the user's own, given to `live`, that cannot be loaded or failed
    └── StorageError            disk full, folder not writable, file held open by another program
        └── RevisionError       somebody else saved a newer version of the same labels

Every message is one line and says four things: what was expected, what came, where, and what to do.
"""


class MarkerlessError(Exception):
    """Root of all errors raised on purpose; `str(error)` is one line for the user."""


class ProjectError(MarkerlessError):
    """A study folder cannot be used as it is."""


class LabelsError(MarkerlessError):
    """Labels are malformed, contradictory or missing."""


class VideoError(MarkerlessError):
    """A video or image cannot be read or written."""


class CalibrationError(MarkerlessError):
    """Cameras cannot be what they are said to be, or cannot be found from what was given."""


class FormatError(MarkerlessError):
    """A file is not what its reader expects."""


class SettingsError(MarkerlessError):
    """A setting is unknown or impossible."""


class RunError(MarkerlessError):
    """A training result is damaged, unfinished or belongs to other data."""


class ProcessorError(MarkerlessError):
    """Code of the user's own, given to `live`, cannot be loaded or failed."""


class StorageError(MarkerlessError):
    """A file cannot be written: disk full, no permission, held open elsewhere."""


class RevisionError(StorageError):
    """The labels on disk are newer than the ones being saved."""

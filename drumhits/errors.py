"""What the user can mend: one sentence each that names the file, the fault, the likely cause and the remedy."""




class InputError(Exception):
    """An input that cannot be used (exit code 1)."""

    exit_code = 1


class UsageError(InputError):
    """A wrong option or a wrong configuration file (exit code 2)."""

    exit_code = 2


class NotEnoughDataError(InputError):
    """Too little to learn from, or edits that cannot be aligned with certainty (exit code 3)."""

    exit_code = 3

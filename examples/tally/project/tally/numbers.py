"""What can be said of a list of numbers."""


def parse(lines):
    """The numbers in lines of text; empty lines are left out. Raises ValueError."""
    return [float(line) for line in lines if line.strip()]


def shown(number):
    """A number without a needless fraction: 8.0 is shown as 8."""
    return str(int(number)) if number == int(number) else str(number)

"""From values of the ledger to lines of text. Everything here is pure."""

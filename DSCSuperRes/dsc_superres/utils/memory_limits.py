"""How much memory arrays may take. Imports nothing, so that estimates can be made without numpy."""

IN_MEMORY_LIMIT = 256 * 2**20
"""Size in bytes up to which an array stays in memory."""

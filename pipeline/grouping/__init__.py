"""What a split must not part: groups of pictures, given or found.

Nothing is imported here: workers pass through.
"""

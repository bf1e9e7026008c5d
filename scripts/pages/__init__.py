"""What the pages of the scripts share, so that they look alike: one frame, one style sheet, differing words marked.

``frame``    a body -> a document, in one file or with its style sheet beside it
``marking``  two values -> the pieces of them that differ
"""

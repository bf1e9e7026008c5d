"""`scripts/explain`: what a captured request, or the answer to it, says about why it was refused.

``cases``     files -> cases: flow files, captures, heads in a text file
``verdicts``  a case -> its explanation
``__main__``  the command line
"""

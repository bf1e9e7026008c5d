"""`scripts/explain`: what a captured request, or the answer to it, says about why it was refused.

``report``    requests -> what is wrong, each thing once, and counts of all
``terminal``, ``document``, ``markdown``, ``page``   the report for a terminal, a program, an issue, a browser
``heads``     what was signed beside what arrived, for the page
``serving``   the page as a local one: paste, drop a file, read
``__main__``  the command line
"""

"""What a page may ask, and the answers to it; one file a view, all plain data and arrays.

B is rows, I units in, O units out, L layers. Whatever is asked of a run raises a QuestionError if
there is none of its number, an IndexError if it did not come to the step, and a RunFileError if its
file is damaged or, where they are needed, keeps no data.
"""

"""What several codecs share: how other languages write values down, and pieces of frameworks with several codecs.

Readers of serializations make plain values only (`gateway.codec.OPAQUE` stands for the rest) and never a class of the
application. None of them makes more values than its text has bytes: what refers to a container that was read before
is opaque, because shared containers could unfold without end.
"""
